"""Whether and how one follower opens a copy of a leader's new trade."""

from datetime import datetime, timedelta
from decimal import Decimal

from kopitra.domain.identifiers import CopyId, RunId, SubscriptionId, copy_id
from kopitra.domain.mapping import Mapped, opens
from kopitra.domain.measures import needs_of
from kopitra.domain.orders import OrderType, Side
from kopitra.domain.quotes import Quote
from kopitra.domain.rates import Rate, find_rate
from kopitra.domain.reversal import copied_order_type, copied_side
from kopitra.domain.rules import CopyRules
from kopitra.domain.sizing import Sized, size_copy
from kopitra.domain.sizing_inputs import UNKNOWN_ENTRY, Entry, FollowerAccount, LeaderTrade, RateReading
from kopitra.domain.skips import Skip, SkipReason
from kopitra.domain.stops import Stops, place_stops, rounded_price
from kopitra.domain.symbols import SymbolSpec
from kopitra.domain.trading import Order, OrderAction, Signal
from kopitra.machine.decisions.chains import is_copied
from kopitra.machine.decisions.filters import refuse_trade
from kopitra.machine.decisions.guarding import Gatekeeper
from kopitra.machine.decisions.halting import BY_GUARD, halt_over
from kopitra.machine.decisions.hearing import leader_is_silent
from kopitra.machine.decisions.identity import CommandIds, MagicNumbers, comment_of
from kopitra.machine.decisions.net_stops import NetStops, Placed
from kopitra.machine.decisions.netting import is_netting
from kopitra.machine.events import CopyDecision, Outcome
from kopitra.machine.outcome import Context
from kopitra.machine.state import Account, State, Subscription

QUOTE_MAX_AGE = timedelta(seconds=60)
"""An older quote says nothing about a stops level; the broker then judges by itself."""

LEADER_DISABLED = "the leader's account is not enabled"


class Opening:
    """One leader trade on its way to every follower: what they share is looked up once."""

    def __init__(self, state: State, leader: Account, signal: Signal, run: RunId, context: Context) -> None:
        self.state = state
        self.leader = leader
        self.signal = signal
        self.run = run
        self.age_ms = signal.age_ms
        self.context = context
        self.magic = MagicNumbers()
        self.gate = Gatekeeper(state, context)
        self.copied = is_copied(leader, signal)
        """Whether the trade is a copy itself: only groups that say so copy it on."""
        self.taken: frozenset[SubscriptionId] = frozenset()
        """Subscriptions that have or had a copy of it: a snapshot knew of the trade before its signal."""
        self.ids = CommandIds(state, run)
        self.net_stops = NetStops(state, self.ids, followers_of(state, leader))
        self.generation = 0
        """Of the copies that are opened: above 0 for what a netting leader adds to a position."""
        spec = leader.catalog.get(signal.symbol)
        self.trade = LeaderTrade(
            volume=signal.volume,
            contract_size=spec.contract_size if spec is not None else None,
            balance=signal.account.balance,
            currency=signal.account.currency,
            equity=signal.account.equity,
            free_margin=signal.account.free_margin,
        )

    def leave(self, leaving: frozenset[CopyId]) -> None:
        """Copies that the same event ends first: neither stops nor guards count on them any more."""
        self.net_stops.leaving = self.gate.leaving = leaving

    def skip_all(self, reason: SkipReason, detail: str) -> tuple[CopyDecision, ...]:
        skip = Skip(reason, detail)
        return tuple(_skipped(s, skip) for s in followers_of(self.state, self.leader))

    def decide_all(self) -> tuple[CopyDecision, ...]:
        decisions = [self.decide(s) for s in followers_of(self.state, self.leader)]
        return (*self.net_stops.clearing, *decisions)

    def decide(self, subscription: Subscription) -> CopyDecision:
        """The order for one follower, or the reason for none."""
        if subscription.subscription in self.taken:
            return _skipped(subscription, Skip(SkipReason.ALREADY_COPIED, "it has a copy of this trade"))
        refused = self._refused(subscription)
        if refused is not None:
            return _skipped(subscription, refused)
        mapped = self.context.readings.symbols.find(self.state, subscription, self.leader, self.signal.symbol)
        if not isinstance(mapped, Mapped):
            return _skipped(subscription, mapped)
        return self._place(subscription, mapped.spec)

    def _refused(self, subscription: Subscription) -> Skip | None:
        if not self.leader.enabled:
            return Skip(SkipReason.UNSUBSCRIBED, LEADER_DISABLED)
        follower = self.state.accounts.get(subscription.follower)
        if follower is None or not follower.enabled:
            return Skip(SkipReason.FOLLOWER_UNKNOWN, "the follower's account is not enabled")
        if is_netting(follower) and follower.account in self.state.by_leader:
            return Skip(SkipReason.NETTING_LEADER, "in one net position its own trades and copies look alike")
        if self.copied and not self.state.groups[subscription.group].copies_of_copies:
            return Skip(SkipReason.COPY_OF_COPY, "its group does not copy what its leaders copy from others")
        halt = halt_over(self.state, self.leader.account, subscription)
        if halt is not None:
            by_guard = halt.startswith(BY_GUARD)
            reason = SkipReason.GUARD_HIT if by_guard else SkipReason.HALTED
            return Skip(reason, f"trading is halted: {halt}")
        if leader_is_silent(self.state, self.leader.account, subscription, self.context):
            return Skip(SkipReason.LEADER_SILENT, "the leader's EA was not heard of for too long")
        rules = subscription.rules
        if self.age_ms + rules.delay_seconds * 1000 >= rules.open_ttl_seconds * 1000:
            delayed = f" and delayed by {rules.delay_seconds} s" if rules.delay_seconds else ""
            return Skip(
                SkipReason.EXPIRED, f"{self.age_ms} ms old{delayed}, at most {rules.open_ttl_seconds} s"
            )
        if self.signal.order_type is not OrderType.MARKET and not rules.copy_pending:
            return Skip(SkipReason.PENDING_NOT_COPIED, "pending orders are not copied")
        return refuse_trade(rules, self.signal, self.context.now)

    def _place(self, subscription: Subscription, spec: SymbolSpec) -> CopyDecision:
        rules, signal = subscription.rules, self.signal
        side = copied_side(signal.side, rules.reverse)
        order_type = copied_order_type(signal.order_type, rules.reverse)
        if order_type is None:
            return _skipped(
                subscription, Skip(SkipReason.PENDING_NOT_COPIED, "a stop-limit order cannot be reversed")
            )
        if not opens(spec, side):
            detail = f"{spec.symbol} is {spec.trade_mode} at the follower's broker"
            return _skipped(subscription, Skip(SkipReason.SYMBOL_NOT_TRADABLE, detail))
        price = (
            rounded_price(signal.price, spec) if signal.price and order_type is not OrderType.MARKET else None
        )
        reference = price or self._reference(subscription, spec, side)
        stops = place_stops(rules, side, signal.stop_loss, signal.take_profit, spec, reference)
        if not isinstance(stops, Stops):
            return _skipped(subscription, stops)
        sized = self._size(subscription, spec, side, price, stops)
        if not isinstance(sized, Sized):
            return _skipped(subscription, sized)
        return self._planned(subscription, spec, side, order_type, sized, stops, price)

    def _size(
        self, subscription: Subscription, spec: SymbolSpec, side: Side, price: Decimal | None, stops: Stops
    ) -> Sized | Skip:
        """Looks up what the mode reads, and nothing else."""
        rules, now = subscription.rules, self.context.now
        needs = needs_of(rules.sizing)
        figures = self.context.readings.figures.get(subscription.follower) if needs.figures else None
        if figures is None:
            follower, rate = FollowerAccount(spec), None
        else:
            follower = figures.as_follower(spec)
            rate = (
                self._rate(subscription, figures.currency, self.trade.currency) if needs.share_rate else None
            )
        entry = UNKNOWN_ENTRY
        if needs.entry:
            profit = None
            if needs.profit_rate and figures is not None:
                profit = self._rate(subscription, spec.profit_currency, figures.currency)
            entry = Entry(side, price or self._entry_price(subscription, spec, side), stops.stop_loss, profit)
        return size_copy(rules, self.trade, follower, rate, now, entry)

    def _rate(self, subscription: Subscription, source: str, target: str) -> RateReading:
        """By the follower's own quotes, else by the leader's."""
        rate: RateReading = None
        if source == target:
            return rate
        readings = self.context.readings
        for account in (subscription.follower, self.leader.account):
            rate = find_rate(source, target, readings.rates.get(account, {}), self.context.now)
            if isinstance(rate, Rate):
                break
        return rate

    def _entry_price(self, subscription: Subscription, spec: SymbolSpec, side: Side) -> Decimal | None:
        """The leader's price, from which drift is measured; else what the follower's broker last asked or bid."""
        if self.signal.price:
            return self.signal.price
        quote = self._fresh_quote(subscription, spec)
        if quote is None:
            return None
        return quote.ask if side is Side.BUY else quote.bid

    def _reference(self, subscription: Subscription, spec: SymbolSpec, side: Side) -> Decimal | None:
        if spec.stops_level <= 0:
            return None
        quote = self._fresh_quote(subscription, spec)
        if quote is None:
            return None
        return quote.bid if side is Side.BUY else quote.ask

    def _fresh_quote(self, subscription: Subscription, spec: SymbolSpec) -> Quote | None:
        quote = self.context.readings.quotes.get(subscription.follower, {}).get(spec.symbol)
        if quote is None or quote.at is None or self.context.now - quote.at > QUOTE_MAX_AGE:
            return None
        return quote

    def _not_before(self, rules: CopyRules) -> datetime | None:
        delay = rules.delay_seconds
        return self.context.now + timedelta(seconds=delay) if delay else None

    def _planned(
        self,
        subscription: Subscription,
        spec: SymbolSpec,
        side: Side,
        order_type: OrderType,
        sized: Sized,
        stops: Stops,
        price: Decimal | None,
    ) -> CopyDecision:
        signal, rules = self.signal, subscription.rules
        copy = CopyId(
            copy_id(subscription.subscription, self.leader.account, signal.position_ref, self.generation)
        )
        account = self.state.accounts[subscription.follower]
        placed = (
            self.net_stops.place(account, spec.symbol, stops)
            if is_netting(account) and not rules.sandbox
            else Placed(stops)
        )
        stops = placed.stops
        order = Order(
            command_id=self.ids.take(subscription.subscription),
            copy_id=copy,
            action=OrderAction.OPEN,
            symbol=spec.symbol,
            side=side,
            order_type=order_type,
            volume=sized.volume,
            price=price,
            stop_loss=stops.stop_loss,
            take_profit=stops.take_profit,
            order_expires_at=signal.order_expires_at if order_type is not OrderType.MARKET else None,
            ttl_ms=rules.open_ttl_seconds * 1000 - self.age_ms,
            reference_price=signal.price,
            max_drift=rules.max_drift,
            max_deviation=rules.max_deviation,
            magic=self.magic.take(subscription.follower, account.following),
            comment=comment_of(copy),
        )
        refused = self.gate.refuse(subscription, self.leader.account, order, spec)
        if refused is not None:
            return _skipped(subscription, refused)
        if placed.shared:
            self.net_stops.clear(account, spec.symbol)
        return CopyDecision(
            subscription=subscription.subscription,
            follower=subscription.follower,
            outcome=Outcome.SANDBOX if rules.sandbox else Outcome.PLANNED,
            reason=SkipReason.SANDBOX if rules.sandbox else None,
            copy_id=copy,
            order=order,
            rules_revision=subscription.revision,
            rules_version=subscription.rules_version,
            contract_size=spec.contract_size,
            generation=self.generation,
            reverse=rules.reverse,
            notes=(*sized.notes, *stops.notes, *placed.notes),
            arithmetic=sized.arithmetic,
            not_before=self._not_before(rules),
        )


def followers_of(state: State, leader: Account) -> list[Subscription]:
    return [state.subscriptions[s] for s in state.by_leader.get(leader.account, ())]


def _skipped(subscription: Subscription, skip: Skip) -> CopyDecision:
    return CopyDecision(
        subscription=subscription.subscription,
        follower=subscription.follower,
        outcome=Outcome.SKIPPED,
        reason=skip.reason,
        detail=skip.detail or None,
        rules_revision=subscription.revision,
        rules_version=subscription.rules_version,
        arithmetic=skip.arithmetic,
    )
