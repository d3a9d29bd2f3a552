"""What is known only in memory: leases, account figures, quotes, and what was handed out.

None of it is journaled. A decision that uses a reading embeds the value in its event.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

import msgspec

from kopitra.domain.identifiers import AccountId, CommandId, SessionId
from kopitra.domain.quotes import Quote
from kopitra.domain.readings import Balance, RateTable, note_quote, pair_quote
from kopitra.domain.sizing_inputs import FollowerAccount
from kopitra.domain.symbols import SymbolSpec
from kopitra.machine.symbol_lookup import SymbolLookup


class Figures(msgspec.Struct, frozen=True, gc=False):
    """An account's figures in `currency`, as of `at` (when the counterparty received them)."""

    balance: Decimal
    currency: str
    at: datetime
    equity: Decimal | None = None
    free_margin: Decimal | None = None
    leverage: int | None = None

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


class Lease(msgspec.Struct, gc=False):
    session: SessionId
    expires_at: datetime


class Readings(msgspec.Struct):
    figures: dict[AccountId, Figures] = {}
    quotes: dict[AccountId, dict[str, Quote]] = {}
    """Last quotes per account and symbol, with `at` = time of receipt."""
    rates: dict[AccountId, RateTable] = {}
    """Currency rates made of those quotes."""
    symbols: SymbolLookup = msgspec.field(default_factory=SymbolLookup)
    leases: dict[AccountId, Lease] = {}
    contacts: dict[AccountId, datetime] = {}
    """Last valid call of each account."""
    unknown_acks: dict[AccountId, int] = {}
    """Acknowledgements of events that are not pending, since this process took over: repeats, or an EA gone astray."""
    delivered: dict[AccountId, set[CommandId]] = {}
    """Commands that were written into an answer since this process took over."""
    recovered_through: int = 0
    """Commands up to this sequence may have been delivered by an earlier process."""

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
