"""What EAs tell is recorded once, and what is no news is not recorded."""

from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest

from kopitra.domain.identifiers import AccountId, EventId, JournalId
from kopitra.domain.outbox_types import OutboxType
from kopitra.domain.symbols import SymbolSpec
from kopitra.domain.telemetry import BalanceOperation
from kopitra.machine.commands import (
    Checkpoint,
    Command,
    RequestResync,
    TakeBalance,
    TakeCatalog,
    TakeInboxEvent,
)
from kopitra.machine.events import InboxRecorded, StaleIgnored
from kopitra.machine.evolutions.outbox import retire
from tests.unit.machine.driven import FOLLOWER, NOW, leader_and_follower

EURUSD = SymbolSpec(
    symbol="EURUSD",
    digits=5,
    contract_size=Decimal(100_000),
    volume_min=Decimal("0.01"),
    volume_max=Decimal(100),
    volume_step=Decimal("0.01"),
    base_currency="EUR",
    profit_currency="USD",
)
DEPOSIT = BalanceOperation(
    deal_id=5, kind="deposit", amount=Decimal("1000.00"), currency="USD", executed_at=NOW
)
NOBODY = AccountId("nobody")


def catalog(digest: str, *symbols: str) -> TakeCatalog:
    specs = tuple(msgspec.structs.replace(EURUSD, symbol=symbol) for symbol in symbols)
    return TakeCatalog(account=FOLLOWER, symbols=specs, digest=digest)


def resync(revision: int = 0) -> RequestResync:
    return RequestResync(account=FOLLOWER, reason="cursor", revision=revision)


def test_an_event_of_unknown_meaning_is_kept_as_it_came():
    machine = leader_and_follower()
    before = machine.said()
    decision = machine.done(
        TakeInboxEvent(
            account=FOLLOWER,
            event_type="vendor.custom",
            payload=b'{"any":"thing"}',
            event_id=EventId("e-1"),
            occurred_at=NOW - timedelta(hours=1),
        )
    )
    (event,) = decision.events
    assert isinstance(event, InboxRecorded)
    assert (event.event_type, event.payload, event.event_id) == ("vendor.custom", b'{"any":"thing"}', "e-1")
    assert machine.said() == before


def test_a_catalogue_is_kept_by_its_digest_and_an_unchanged_one_is_no_news():
    machine = leader_and_follower()
    machine.done(catalog("a", "EURUSD", "GBPUSD"))
    assert list(machine.account().catalog) == ["EURUSD", "GBPUSD"]
    assert machine.done(catalog("a", "EURUSD", "GBPUSD")).events == ()
    machine.done(catalog("b", "USDJPY"))
    assert list(machine.account().catalog) == ["USDJPY"]


@pytest.mark.parametrize("repeated", [5, "5"])
def test_a_deposit_counts_once_however_its_deal_is_written(repeated: int | str):
    machine = leader_and_follower()
    assert len(machine.done(TakeBalance(account=FOLLOWER, operation=DEPOSIT)).events) == 1
    again = msgspec.structs.replace(DEPOSIT, deal_id=repeated)
    assert machine.done(TakeBalance(account=FOLLOWER, operation=again)).events == ()


@pytest.mark.parametrize(
    "command",
    [
        TakeInboxEvent(account=NOBODY, event_type="any", payload=b"{}"),
        TakeCatalog(account=NOBODY, symbols=(), digest="a"),
        TakeBalance(account=NOBODY, operation=DEPOSIT),
        RequestResync(account=NOBODY, reason="any"),
    ],
)
def test_an_unknown_account_is_refused(command: Command):
    assert leader_and_follower().refused(command).code == "account_unknown"


def test_checkpoints_only_grow():
    machine = leader_and_follower()
    machine.done(Checkpoint(consumer="relay", sequence=3))
    assert machine.done(Checkpoint(consumer="relay", sequence=3)).events == ()
    assert machine.done(Checkpoint(consumer="relay", sequence=2)).events == ()
    machine.done(Checkpoint(consumer="sql", sequence=1))
    assert machine.state.checkpoints == {"relay": 3, "sql": 1}


def test_a_checkpoint_beyond_the_journal_is_refused():
    machine = leader_and_follower()
    head = machine.state.sequence
    elsewhere = Checkpoint(consumer="relay", sequence=head + 1, journal_id=JournalId("another"))
    assert machine.done(elsewhere).events == ()
    refusal = machine.refused(Checkpoint(consumer="relay", sequence=head + 1))
    assert (refusal.status, refusal.code) == (409, "checkpoint_ahead")
    machine.done(Checkpoint(consumer="relay", sequence=head))


def test_an_ea_that_keeps_asking_gets_one_request_for_its_book_until_it_has_taken_it():
    machine = leader_and_follower()
    machine.done(resync())
    assert machine.done(resync()).events == ()
    (note,) = machine.outbox()
    assert (note.event_type, note.payload) == (OutboxType.RESYNC_REQUESTED, {"reason": "cursor"})
    retire(machine.account(), note.sequence)
    assert len(machine.done(resync()).events) == 1


def test_an_operators_request_replaces_the_one_that_is_waiting_and_applies_once():
    machine = leader_and_follower()
    machine.done(resync())
    machine.done(resync(revision=1))
    assert [type(event) for event in machine.done(resync(revision=1)).events] == [StaleIgnored]
    assert [item.event_type for item in machine.outbox()] == [OutboxType.RESYNC_REQUESTED]
