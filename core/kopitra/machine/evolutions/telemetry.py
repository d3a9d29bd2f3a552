"""What EAs told, consumers' checkpoints, and requests for a whole book."""

from kopitra.domain.outbox_types import OutboxType
from kopitra.machine.events import (
    BalanceChanged,
    CatalogKept,
    ConsumerCheckpointed,
    InboxRecorded,
    MarginModeKnown,
    Recorded,
    ResyncRequested,
)
from kopitra.machine.evolutions.guarding import paid
from kopitra.machine.evolutions.outbox import add_note, retire_notes
from kopitra.machine.state import State

RESYNC_NOTES = frozenset({OutboxType.RESYNC_REQUESTED})


def inbox_recorded(state: State, event: InboxRecorded, recorded: Recorded) -> None:
    """Remembered in the journal only."""


def catalog_kept(state: State, event: CatalogKept, recorded: Recorded) -> None:
    account = state.accounts[event.account]
    catalog = {spec.symbol: spec for spec in event.symbols}
    book = account.following
    copied = {copy.symbol for copies in (book.copies, book.paper) for copy in copies.values()}
    used = sorted(copied - catalog.keys())
    account.delisted = {symbol: account.spec_of(symbol) for symbol in used}
    account.catalog_digest = event.digest
    account.catalog = catalog


def balance_changed(state: State, event: BalanceChanged, recorded: Recorded) -> None:
    state.accounts[event.account].balance_deals.add(str(event.operation.deal_id))
    paid(state, event, recorded)


def margin_mode_known(state: State, event: MarginModeKnown, recorded: Recorded) -> None:
    state.accounts[event.account].mode = event.mode


def consumer_checkpointed(state: State, event: ConsumerCheckpointed, recorded: Recorded) -> None:
    state.checkpoints[event.consumer] = event.sequence


def resync_requested(state: State, event: ResyncRequested, recorded: Recorded) -> None:
    account = state.accounts[event.account]
    account.control_revision = max(account.control_revision, event.revision)
    account.resynced_at = recorded.at
    retire_notes(account, RESYNC_NOTES)
    add_note(state, event.account, OutboxType.RESYNC_REQUESTED, {"reason": event.reason}, recorded)
