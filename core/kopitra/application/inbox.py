"""What an inbox batch means: volatile events change the readings, all others become commands."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from kopitra.application.part_sets import CatalogSets, SnapshotSets, catalog_digest, snapshot_digest
from kopitra.domain.identifiers import AccountId
from kopitra.domain.telemetry import (
    AccountSnapshot,
    BalanceOperation,
    ExecutionNotice,
    Heartbeat,
    OutboxAck,
    PositionSnapshot,
    Quotes,
    SymbolCatalog,
)
from kopitra.machine import commands
from kopitra.machine.commands import Command
from kopitra.machine.decisions.figures import of_another_login
from kopitra.machine.readings import Figures, Readings
from kopitra.machine.state import State
from kopitra.protocol.inbox import InboxItem
from kopitra.protocol.limits import CLOCK_SKEW_INCIDENT_SECONDS

CLOCK_SKEW = "counterparty.clock_skew"
MOST_CLOCK_SKEW = timedelta(seconds=CLOCK_SKEW_INCIDENT_SECONDS)


class Inbox:
    """Holds the unfinished sets of all accounts, and whose clocks are known to be wrong."""

    def __init__(self) -> None:
        self._snapshots = SnapshotSets()
        self._catalogs = CatalogSets()
        self._skewed: set[AccountId] = set()

    def take(
        self, account: AccountId, items: Iterable[InboxItem], state: State, readings: Readings, now: datetime
    ) -> list[Command]:
        """Apply what is volatile and return the commands for the rest, in the order of the batch."""
        wanted: list[Command] = []
        for item in items:
            if isinstance(item.payload, Heartbeat):
                wanted.extend(self._clock_skew(account, item.payload, now))
            elif isinstance(item.payload, AccountSnapshot):
                wanted.extend(_figures(account, item.payload, state, readings, now))
            elif not self._note(account, item.payload, state, readings, now):
                wanted.extend(self._commands(account, item))
            if wanted and isinstance(wanted[-1], commands.TakeSnapshot):
                readings.snapshots[account] = now
        return wanted

    def _clock_skew(self, account: AccountId, beat: Heartbeat, now: datetime) -> list[Command]:
        """A heartbeat is volatile, the call itself was the sign of life; but that a terminal's clock starts or stops to
        be wrong is worth an event. It is never a reason to trade or not to trade."""
        if beat.clock is None:
            return []
        wrong = abs(beat.clock - now) > MOST_CLOCK_SKEW
        if wrong is (account in self._skewed):
            return []
        self._skewed ^= {account}
        seconds = str(round((beat.clock - now).total_seconds(), 3))
        payload = msgspec.json.encode({"skewed": wrong, "aheadSeconds": seconds})
        return [commands.TakeInboxEvent(account=account, event_type=CLOCK_SKEW, payload=payload)]

    def _note(
        self, account: AccountId, payload: object, state: State, readings: Readings, now: datetime
    ) -> bool:
        """Whether the payload was volatile; then the readings know it now."""
        match payload:
            case Quotes():
                readings.note_quotes(account, payload.quotes, state.accounts[account].catalog, now)
            case _:
                return False
        return True

    def _commands(self, account: AccountId, item: InboxItem) -> list[Command]:
        payload = item.payload
        match payload:
            case OutboxAck():
                return [commands.TakeAck(account=account, ack=payload)]
            case ExecutionNotice():
                return [
                    commands.TakeExecution(account=account, execution=execution)
                    for execution in payload.executions
                ]
            case BalanceOperation():
                return [commands.TakeBalance(account=account, operation=payload)]
            case PositionSnapshot():
                return self._snapshot(account, payload)
            case SymbolCatalog():
                return self._catalog(account, payload)
            case _:
                return [_as_it_came(account, item)]

    def _snapshot(self, account: AccountId, part: PositionSnapshot) -> list[Command]:
        whole = self._snapshots.add(account, part)
        if whole is None:
            return []
        return [commands.TakeSnapshot(account=account, snapshot=whole, digest=snapshot_digest(whole))]

    def _catalog(self, account: AccountId, part: SymbolCatalog) -> list[Command]:
        symbols = self._catalogs.add(account, part)
        if symbols is None:
            return []
        return [commands.TakeCatalog(account=account, symbols=symbols, digest=catalog_digest(symbols))]


def _figures(
    account: AccountId, payload: AccountSnapshot, state: State, readings: Readings, now: datetime
) -> list[Command]:
    """The figures are volatile; what they may mean for a guard is for the machine to say, which mostly says nothing."""
    known = state.accounts[account]
    if of_another_login(known, payload):
        return []
    if known.session is not None and readings.is_old_look(account, known.session.session, payload.ordinal):
        return []
    figures = Figures(
        balance=payload.balance,
        currency=payload.currency,
        at=now,
        equity=payload.equity,
        free_margin=payload.free_margin,
        leverage=payload.leverage,
    )
    readings.note_figures(account, figures, known.marked_at, known.flow_at)
    return [commands.TakeFigures(account=account, snapshot=payload)]


def _as_it_came(account: AccountId, item: InboxItem) -> Command:
    event = item.event
    return commands.TakeInboxEvent(
        account=account,
        event_type=event.event_type,
        payload=bytes(event.payload),
        event_id=event.event_id,
        occurred_at=event.occurred_at,
    )
