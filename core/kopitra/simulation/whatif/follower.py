"""One follower: its account at its broker, its EA's hand, and what the run sees of both."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from kopitra.domain.identifiers import AccountId
from kopitra.domain.quotes import Quote
from kopitra.domain.symbols import SymbolSpec
from kopitra.domain.telemetry import Quotes, SymbolCatalog
from kopitra.domain.trading import Order
from kopitra.protocol.events import InboxType
from kopitra.simulation.broker.operations import Prices
from kopitra.simulation.broker.operations import Tick as Passing
from kopitra.simulation.broker.records import AccountView
from kopitra.simulation.whatif.accounts import follower_broker, snapshot_of
from kopitra.simulation.whatif.curves import Curve
from kopitra.simulation.whatif.hand import Hand, Told
from kopitra.simulation.whatif.limits import Limits, readings_of
from kopitra.simulation.whatif.observing import Observations, Witness
from kopitra.simulation.whatif.orders import Outcome
from kopitra.simulation.whatif.plan import FollowerPlan, WhatIfPlan, rules_in_force
from kopitra.simulation.whatif.platform import Platform
from kopitra.simulation.whatif.symbols import FollowerSymbols


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """Where a follower lives."""

    platform: Platform
    symbols: FollowerSymbols
    rates: tuple[SymbolSpec, ...]
    feed: str | None
    witness: Witness
    begin: datetime
    end: datetime


class Follower:
    def __init__(self, name: str, plan: FollowerPlan, common: WhatIfPlan, setting: Setting) -> None:
        self.name = name
        self.account = AccountId(name)
        self.plan = plan
        self.rules = rules_in_force(common, plan).rules
        self.feed = setting.feed
        self.symbols = setting.symbols
        specs = (*setting.symbols.specs, *setting.rates)
        self.broker = follower_broker(plan, specs, setting.begin)
        latency = common.latency_ms if plan.latency_ms is None else plan.latency_ms
        self.latency = timedelta(milliseconds=latency)
        self.curve = Curve(setting.begin, setting.end)
        self.curve.flow(setting.begin, plan.deposit)
        self.limits = Limits(setting.begin, setting.end)
        self.seen = Observations(self.broker, {spec.symbol: spec for spec in specs})
        self._platform = setting.platform
        self._unshown: dict[str, Quote] = {}
        self._view: AccountView | None = None
        """The account's figures, as long as nothing has changed them."""
        self._rates = {spec.symbol for spec in setting.rates}
        self._spreads = _spreads(setting.symbols, plan)
        self._witness = setting.witness
        self.hand = Hand(self.broker, self._tell, self._dealt, self._answered)
        setting.platform.follow(self.account, plan.rules, plan.guards)
        self._tell((InboxType.SYMBOL_CATALOG, SymbolCatalog(symbols=list(specs))))

    def show(self, quotes: Sequence[Quote], at: datetime) -> bool:
        """New prices, under the leader's names; whether they set anything off."""
        own = [shown for quote in quotes if (shown := self._own(quote)) is not None]
        if not own:
            return False
        self._unshown.update((quote.symbol, quote) for quote in own)
        return self._catch_up(at) if self.broker.state.positions or self.broker.state.orders else False

    def work(self, at: datetime) -> datetime | None:
        """Do what the core asks by now; when to come back for what has to be tried again or must wait."""
        self._catch_up(at)
        self._view = None
        self.broker.apply(Passing(at=at))
        self.hand.report()
        self.hand.take(self._platform.fetch(self.account))
        later = (self.hand.work(at), self._platform.held_until(self.account))
        return min((due for due in later if due is not None), default=None)

    def look(self, at: datetime) -> None:
        """Report the account's figures, and note them."""
        self._catch_up(at)
        view = self._view = self._view or self.broker.account_view()
        self.curve.note(at, view.balance, view.equity)
        self._tell((InboxType.ACCOUNT_SNAPSHOT, snapshot_of(view)))
        measured = self._platform.measured(self.account)
        self.limits.note(at, readings_of(measured, self.plan.drawdown_limit_percent, self.curve.drawdown))

    def quote(self, at: datetime) -> None:
        """Report every price, as an EA does every few seconds: the market goes on though the history is silent."""
        self._catch_up(at)
        self._tell((InboxType.QUOTES, Quotes(quotes=list(self.broker.state.quotes.values()))))

    def _catch_up(self, at: datetime) -> bool:
        """Let the broker hear of new prices; whether they set anything off. Where nothing is open and nothing rests
        nothing can be, so that may wait."""
        if not self._unshown:
            return False
        self._view = None
        self.broker.apply(Prices(at=at, quotes=tuple(self._unshown.values())))
        self._unshown.clear()
        return self.hand.report()

    def _own(self, quote: Quote) -> Quote | None:
        if quote.symbol in self._rates:
            return quote
        name = self.symbols.names.get(quote.symbol)
        if name is None:
            return None
        spread = self._spreads.get(quote.symbol)
        ask = quote.ask if spread is None else quote.bid + spread
        return Quote(name, quote.bid, ask, quote.at)

    def _tell(self, payload: tuple[InboxType, Any]) -> None:
        self._platform.tell(self.account, payload)

    def _dealt(self, told: Told) -> None:
        self.seen.dealt(told)
        self._witness.dealt(self.name, told)

    def _answered(self, order: Order, outcome: Outcome, at: datetime) -> None:
        self.seen.answered(order, outcome)


def _spreads(symbols: FollowerSymbols, plan: FollowerPlan) -> dict[str, Any]:
    """In price units by the leader's name; symbols that are shown as quoted are missing."""
    points = {name.casefold(): value for name, value in plan.broker.spreads.items()}
    specs = {spec.symbol: spec for spec in symbols.specs}
    found: dict[str, Any] = {}
    for ours, theirs in symbols.names.items():
        own = points.get(ours.casefold(), plan.broker.spread_points)
        if own is not None:
            found[ours] = own * specs[theirs].point
    return found
