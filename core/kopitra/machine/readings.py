"""What is known only in memory: leases, account figures, quotes, and what was handed out.

None of it is journaled. A decision that uses a reading embeds the value in its event.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

import msgspec

from kopitra.domain.identifiers import AccountId, CommandId, SessionId
from kopitra.domain.quotes import Quote
from kopitra.domain.readings import Balance, RateTable, note_quote, pair_quote
from kopitra.domain.sizing_inputs import FollowerAccount
from kopitra.domain.symbols import SymbolSpec
from kopitra.machine.symbol_lookup import SymbolLookup

T = TypeVar("T")

SETTLING = timedelta(seconds=5)
"""A deposit or withdrawal is seen in the figures and told as a deal, a moment apart and in either order; figures that
come so much later come after both. Agents read ledger and account every second, and tell the ledger first."""
LEFT_TOGETHER = SETTLING / 8
"""Balances that an account left within so long are kept as one range: what is kept per account has a limit."""

CLOCKS_APART = timedelta(seconds=2)
"""By how much the clock of the process before this one may have been ahead; more is an incident (protocol.md)."""


class Left(msgspec.Struct, frozen=True, gc=False):
    """The `highest` and `lowest` balances that an account left since `began`, the last of them at `at`."""

    highest: Decimal
    lowest: Decimal
    began: datetime
    at: datetime


class Figures(msgspec.Struct, frozen=True, gc=False):
    """An account's figures in `currency`, as of `at` (when the counterparty received them). `left`: what the balance
    was within `SETTLING` before, oldest first."""

    balance: Decimal
    currency: str
    at: datetime
    equity: Decimal | None = None
    free_margin: Decimal | None = None
    leverage: int | None = None
    left: tuple[Left, ...] = ()

    @property
    def fallen(self) -> Decimal:
        """How far the balance is below what it lately was: money may have been paid out that nobody has told of yet."""
        return max([self.balance, *(left.highest for left in self.left)]) - self.balance

    @property
    def risen(self) -> Decimal:
        """How far it is above that."""
        return self.balance - min([self.balance, *(left.lowest for left in self.left)])

    def as_follower(self, spec: SymbolSpec) -> FollowerAccount:
        """These figures, as sizing reads them."""

        def reading(amount: Decimal | None) -> Balance | None:
            return Balance(amount, self.currency, self.at) if amount is not None else None

        return FollowerAccount(
            spec,
            Balance(self.balance, self.currency, self.at),
            reading(self.equity),
            reading(self.free_margin),
        )


class Peak(msgspec.Struct, frozen=True, gc=False):
    """The highest figures of an account since some moment: what is between two journaled high-water marks."""

    since: datetime
    balance: Decimal
    equity: Decimal | None


class Before(msgspec.Struct, frozen=True, gc=False):
    """What was known of an account before it told its figures."""

    figures: Figures | None
    look: tuple[SessionId, int] | None
    peak: Peak | None


class Lease(msgspec.Struct, gc=False):
    session: SessionId
    expires_at: datetime


class Readings(msgspec.Struct):
    figures: dict[AccountId, Figures] = {}
    looks: dict[AccountId, tuple[SessionId, int]] = {}
    """Of which session's look, by its ordinal, the figures are."""
    peaks: dict[AccountId, Peak] = {}
    unproven: dict[AccountId, Before] = {}
    """Of accounts whose figures came while something decided was not durable yet: what they told together with these
    may be lost."""
    quotes: dict[AccountId, dict[str, Quote]] = {}
    """Last quotes per account and symbol, with `at` = time of receipt."""
    rates: dict[AccountId, RateTable] = {}
    """Currency rates made of those quotes."""
    symbols: SymbolLookup = msgspec.field(default_factory=SymbolLookup)
    leases: dict[AccountId, Lease] = {}
    contacts: dict[AccountId, datetime] = {}
    """Last valid call of each account."""
    snapshots: dict[AccountId, datetime] = {}
    """When each account last told its whole book, since this process took over."""
    began_at: datetime | None = None
    """When this process took over: it cannot know of calls before."""
    unknown_acks: dict[AccountId, int] = {}
    """Acknowledgements of events that are not pending, since this process took over: repeats, or an EA gone astray."""
    delivered: dict[AccountId, set[CommandId]] = {}
    """Commands that were written into an answer since this process took over."""
    recovered_through: int = 0
    """Commands up to this sequence may have been delivered by an earlier process."""

    def is_old_look(self, account: AccountId, session: SessionId, ordinal: int) -> bool:
        """Whether figures come after newer ones of the same session; what tells no ordinal is taken as it comes."""
        if not ordinal:
            return False
        known = self.looks.get(account)
        self._keep(account)
        if known is not None and known[0] == session and ordinal <= known[1]:
            return True
        self.looks[account] = (session, ordinal)
        return False

    def note_figures(
        self, account: AccountId, figures: Figures, marked_at: datetime | None, paid_at: datetime | None
    ) -> None:
        """`marked_at`: when the account's high-water marks were last journaled; what was higher before is in them.
        `paid_at`: when money was last paid in or out."""
        self._keep(account)
        before = self.figures.get(account)
        figures = self.figures[account] = _after(figures, before)
        self._note_peak(account, figures, marked_at, paid_at)

    def _keep(self, account: AccountId) -> None:
        if account not in self.unproven:
            before = Before(self.figures.get(account), self.looks.get(account), self.peaks.get(account))
            self.unproven[account] = before

    def prove(self) -> None:
        """Everything that was decided is durable."""
        self.unproven.clear()

    def take_back(self) -> None:
        """What was decided is lost, and perhaps the payment that came with the figures: whoever told of it will tell it
        again, with its figures."""
        for account, before in self.unproven.items():
            _restore(self.figures, account, before.figures)
            _restore(self.looks, account, before.look)
            _restore(self.peaks, account, before.peak)
        self.unproven.clear()

    def _note_peak(
        self, account: AccountId, figures: Figures, marked_at: datetime | None, paid_at: datetime | None
    ) -> None:
        """Only of what is beyond doubt: a deposit must not look like a new high."""
        if paid_at is not None and figures.at - paid_at < SETTLING:
            return
        balance = figures.balance - figures.risen
        equity = figures.equity - figures.risen if figures.equity is not None else None
        peak = self.peaks.get(account)
        if peak is None or (marked_at is not None and peak.since < marked_at):
            self.peaks[account] = Peak(figures.at, balance, equity)
            return
        highest = max((e for e in (peak.equity, equity) if e is not None), default=None)
        self.peaks[account] = Peak(peak.since, max(peak.balance, balance), highest)

    def note_quotes(
        self, account: AccountId, quotes: Iterable[Quote], catalog: Mapping[str, SymbolSpec], at: datetime
    ) -> None:
        """The last quotes win; `at` is the time of receipt, whatever the terminal's clock says."""
        known = self.quotes.setdefault(account, {})
        table = self.rates.setdefault(account, {})
        for quote in quotes:
            known[quote.symbol] = Quote(quote.symbol, quote.bid, quote.ask, at)
            spec = catalog.get(quote.symbol)
            pair = pair_quote(quote, spec, at) if spec is not None else None
            if pair is not None:
                note_quote(table, pair)

    def may_have_left(self, account: AccountId, command: CommandId, sequence: int) -> bool:
        """Whether the EA may hold this command: then it can no longer be withdrawn."""
        return sequence <= self.recovered_through or command in self.delivered.get(account, ())

    def misdated(self, sequence: int, at: datetime) -> bool:
        """Whether what an earlier process recorded at that time has no age: its clock was ahead of this one's, and
        nobody knows for how long."""
        if sequence > self.recovered_through or self.began_at is None:
            return False
        return at - self.began_at > CLOCKS_APART


def _restore(known: dict[AccountId, T], account: AccountId, before: T | None) -> None:
    if before is None:
        known.pop(account, None)
    else:
        known[account] = before


def _after(figures: Figures, before: Figures | None) -> Figures:
    """The figures, with the balances that were left within `SETTLING` before them."""
    if before is None or before.currency != figures.currency:
        return figures
    left = tuple(known for known in before.left if figures.at - known.at < SETTLING)
    if before.balance != figures.balance:
        left = _with(left, before.balance, figures.at)
    return msgspec.structs.replace(figures, left=left)


def _with(left: tuple[Left, ...], balance: Decimal, at: datetime) -> tuple[Left, ...]:
    if not left or at - left[-1].began >= LEFT_TOGETHER:
        return (*left, Left(balance, balance, at, at))
    last = left[-1]
    together = Left(max(last.highest, balance), min(last.lowest, balance), last.began, at)
    return (*left[:-1], together)
