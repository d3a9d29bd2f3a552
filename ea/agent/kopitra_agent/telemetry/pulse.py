"""The small figures that a decision may need: account, quotes, automation, heartbeat. One post holds what is due."""

from collections.abc import Callable, Sequence

import msgspec

from kopitra.domain.quotes import Quote
from kopitra.domain.symbols import SymbolSpec
from kopitra.domain.telemetry import AccountSnapshot, AutotradeStatus, Heartbeat, Quotes
from kopitra.protocol.events import InboxType
from kopitra.protocol.messages import InboxEvent
from kopitra_agent.account import Owner
from kopitra_agent.ports.terminal import Terminal, TerminalAccount, TerminalUnavailable
from kopitra_agent.ports.timing import Clock
from kopitra_agent.telemetry.parcel import Parcel, inbox_body, inbox_event

LOOK_SECONDS = 1.0
"""At most one account snapshot and one set of quotes a second."""
ACCOUNT_AT_LEAST_SECONDS = 55.0
"""Sizes refuse account figures older than 60 s."""
CONFIRMED_AFTER_SECONDS = 6.0
"""After the balance moved the figures are told once more, changed or not: by then the ledger's deals have been told,
and what the counterparty still sees missing is a loss (docs/decisions/0244)."""
QUOTES_AT_LEAST_SECONDS = 25.0
"""A price that did not move must not look stale."""
WHOLE_CATALOGUE_BELOW = 50
"""A terminal with so few symbols quotes them all; a larger one those that are mapped or in use."""


class Pulse:
    def __init__(
        self,
        terminal: Terminal,
        clock: Clock,
        owner: Owner,
        heartbeat_seconds: float,
        quote_symbols: Sequence[str],
        platform: str,
        symbols_in_use: Callable[[], Sequence[str]],
    ) -> None:
        self._terminal = terminal
        self._clock = clock
        self._owner = owner
        self._heartbeat_seconds = heartbeat_seconds
        self._configured = tuple(quote_symbols)
        self._platform = platform
        self._symbols_in_use = symbols_in_use
        self._catalogue: Sequence[SymbolSpec] = ()
        self._looked_at = -LOOK_SECONDS
        self._looks = 0
        self._sent_at: dict[InboxType, float] = {}
        self._sent: dict[InboxType, object] = {}
        self._confirm_at: float | None = None

    def forget(self) -> None:
        """The counterparty may have lost what it knew: tell all of it again."""
        self._sent_at.clear()
        self._sent.clear()
        self._looked_at = -LOOK_SECONDS

    def use_catalogue(self, catalogue: Sequence[SymbolSpec]) -> None:
        self._catalogue = catalogue

    def due_in(self) -> float:
        return max(self._looked_at + LOOK_SECONDS - self._clock.monotonic(), 0.0)

    async def parcel(self) -> Parcel | None:
        """What is due now, if anything. Raises TerminalUnavailable."""
        self._looked_at = self._clock.monotonic()
        account = await self._terminal.account()
        self._owner.require(account)
        told: dict[InboxType, object] = {}
        events: list[InboxEvent] = []
        for kind, payload, at_least in (
            (InboxType.ACCOUNT_SNAPSHOT, _figures(account), ACCOUNT_AT_LEAST_SECONDS),
            (InboxType.AUTOTRADE_STATUS, autotrade_of(account), None),
            (InboxType.QUOTES, await self._quotes(), QUOTES_AT_LEAST_SECONDS),
        ):
            if payload is not None and self._is_due(kind, payload, at_least):
                told[kind] = payload
                events.append(inbox_event(kind, self._numbered(payload)))
        if self._is_due(InboxType.HEARTBEAT, None, self._heartbeat_seconds):
            told[InboxType.HEARTBEAT] = None
            events.append(inbox_event(InboxType.HEARTBEAT, self._heartbeat(account)))
        if not events:
            return None
        return Parcel([inbox_body(events)], lambda accepted: self._told(told, accepted))

    async def account_event(self) -> InboxEvent:
        """The account as it is now, to go with a report of what changed it. Raises TerminalUnavailable."""
        snapshot = _figures(await self._terminal.account())
        if snapshot is None:
            raise TerminalUnavailable("not synchronised")
        self._told({InboxType.ACCOUNT_SNAPSHOT: snapshot}, True)
        self._confirm_later()
        return inbox_event(InboxType.ACCOUNT_SNAPSHOT, self._numbered(snapshot))

    def _numbered(self, payload: msgspec.Struct) -> msgspec.Struct:
        """Figures with the number of this look (docs/decisions/0209); anything else as it is."""
        if not isinstance(payload, AccountSnapshot):
            return payload
        self._looks += 1
        return msgspec.structs.replace(payload, ordinal=self._looks)

    def _is_due(self, kind: InboxType, payload: object, at_least: float | None) -> bool:
        sent_at = self._sent_at.get(kind)
        if sent_at is None or self._sent.get(kind) != payload:
            return True
        if kind is InboxType.ACCOUNT_SNAPSHOT and self._is_to_be_confirmed():
            return True
        return at_least is not None and self._clock.monotonic() - sent_at >= at_least

    def _told(self, told: dict[InboxType, object], accepted: bool) -> None:
        if accepted:
            self._note_balance(told.get(InboxType.ACCOUNT_SNAPSHOT))
            self._sent.update(told)
            self._sent_at.update(dict.fromkeys(told, self._clock.monotonic()))

    def _note_balance(self, told: object) -> None:
        if not isinstance(told, AccountSnapshot):
            return
        before = self._sent.get(InboxType.ACCOUNT_SNAPSHOT)
        if isinstance(before, AccountSnapshot) and before.balance != told.balance:
            self._confirm_later()
        elif self._is_to_be_confirmed():
            self._confirm_at = None

    def _confirm_later(self) -> None:
        self._confirm_at = self._clock.monotonic() + CONFIRMED_AFTER_SECONDS

    def _is_to_be_confirmed(self) -> bool:
        return self._confirm_at is not None and self._clock.monotonic() >= self._confirm_at

    async def _quotes(self) -> Quotes | None:
        wanted = self._wanted()
        quotes: Sequence[Quote] = await self._terminal.quotes(wanted) if wanted else ()
        return Quotes(quotes=list(quotes)) if quotes else None

    def _wanted(self) -> Sequence[str]:
        if self._configured:
            return self._configured
        if len(self._catalogue) <= WHOLE_CATALOGUE_BELOW:
            return [spec.symbol for spec in self._catalogue]
        return self._symbols_in_use()

    def _heartbeat(self, account: TerminalAccount) -> Heartbeat:
        return Heartbeat(
            terminal=self._platform,
            connected=account.connected,
            trade_allowed=account.trade_allowed,
            clock=self._clock.now(),
        )


def _figures(account: TerminalAccount) -> AccountSnapshot | None:
    """None while the terminal has not everything: a balance without the deals that led to it looks like a loss, and
    equity without the positions is none."""
    return snapshot_of(account) if account.connected and account.synchronised else None


def snapshot_of(account: TerminalAccount) -> AccountSnapshot:
    return AccountSnapshot(
        login=account.login,
        server=account.server,
        balance=account.balance,
        currency=account.currency,
        equity=account.equity,
        margin=account.margin,
        free_margin=account.free_margin,
        leverage=account.leverage,
        mode=account.mode,
    )


def autotrade_of(account: TerminalAccount) -> AutotradeStatus:
    if not account.connected:
        return AutotradeStatus(enabled=False, reason="disconnected")
    return AutotradeStatus(
        enabled=account.trade_allowed, reason=None if account.trade_allowed else "autotrading_off"
    )
