"""Decide a recorded open once more, under other rules and the same circumstances, as far as those are known.

A record holds the figures that its volume was made of. Where other rules ask for more than that, today's readings stand
in, and the result is marked as assumed. Nothing here changes the state.
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

import msgspec

from kopitra.domain.arithmetic import Arithmetic
from kopitra.domain.identifiers import AccountId, RunId, SignalId
from kopitra.domain.measures import needs_of
from kopitra.domain.orders import OrderType, Side
from kopitra.domain.quantities import ZERO
from kopitra.domain.rates import Rate
from kopitra.domain.readings import Balance
from kopitra.domain.rules import CopyRules
from kopitra.domain.sizing_inputs import Figure, RateReading
from kopitra.domain.sizing_modes import ByExpression, EquityRatio, FreeMarginRatio, mode_of
from kopitra.domain.skips import SkipReason
from kopitra.domain.trading import LeaderFigures, Signal, SignalAction
from kopitra.machine.decisions.opening import Opening
from kopitra.machine.events import CopyDecision, Outcome
from kopitra.machine.outcome import Context
from kopitra.machine.readings import Figures, Readings
from kopitra.machine.state import Account, LeaderPosition, State, Subscription

WHATEVER_THE_RULES = frozenset(
    {
        SkipReason.HALTED,
        SkipReason.FOLLOWER_UNKNOWN,
        SkipReason.CLOSED_BEFORE_OPEN,
        SkipReason.MISSED_OPEN,
        SkipReason.ALREADY_COPIED,
        SkipReason.COPY_OF_COPY,
        SkipReason.LEADER_SILENT,
        SkipReason.GUARD_HIT,
    }
)
"""Why a follower was left out before any of its rules was looked at: other rules would have changed nothing."""
_SHARES = {mode_of(EquityRatio()): Figure.EQUITY, mode_of(FreeMarginRatio()): Figure.FREE_MARGIN}


class Foreseen(msgspec.Struct, frozen=True):
    """What a follower gets: the part of a decision that its owner would notice."""

    outcome: Outcome
    reason: str | None = None
    detail: str | None = None
    symbol: str | None = None
    side: Side | None = None
    order_type: OrderType | None = None
    volume: Decimal | None = None
    price: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None

    def same_as(self, other: "Foreseen") -> bool:
        """`detail` is the same in other words."""
        return msgspec.structs.replace(self, detail=None) == msgspec.structs.replace(other, detail=None)


UNSUBSCRIBED = Foreseen(
    Outcome.SKIPPED, str(SkipReason.UNSUBSCRIBED), "the subscription would not be enabled"
)


class Occasion(msgspec.Struct, frozen=True):
    """An open as its leader made it, how old it was, and when it was decided (aware UTC)."""

    leader: Account
    signal: Signal
    run: RunId
    at: datetime
    age_ms: int


def foreseen(decision: CopyDecision) -> Foreseen:
    order = decision.order
    if order is None:
        return Foreseen(decision.outcome, decision.reason, decision.detail)
    return Foreseen(
        decision.outcome,
        decision.reason,
        None,
        order.symbol,
        order.side,
        order.order_type,
        order.volume,
        order.price,
        order.stop_loss,
        order.take_profit,
    )


class Redeciding(Opening):
    """One leader's open on its way to any of its followers again; rates come from the record where it holds them."""

    def __init__(self, state: State, occasion: Occasion, readings: Readings) -> None:
        super().__init__(
            state, occasion.leader, occasion.signal, occasion.run, Context(now=occasion.at, readings=readings)
        )
        self.age_ms = occasion.age_ms
        self._at = occasion.at
        self._today = readings
        self._rates: dict[tuple[str, str], Rate] = {}

    def foresee(self, subscription: Subscription, recorded: CopyDecision | None) -> Foreseen:
        """What this subscription, with whatever rules it is given, would get."""
        if not subscription.enabled:
            return UNSUBSCRIBED
        arithmetic = recorded.arithmetic if recorded is not None else None
        self._rates = {(rate.source, rate.target): rate for rate in _rates(arithmetic)}
        readings = _as_it_was(self._today, subscription.follower, arithmetic)
        self.context = Context(now=self._at, readings=readings)
        return foreseen(self.decide(subscription))

    def _rate(self, subscription: Subscription, source: str, target: str) -> RateReading:
        return self._rates.get((source, target)) or super()._rate(subscription, source, target)


def settled_before_rules(recorded: CopyDecision | None) -> bool:
    """Whether the follower was left out before its rules were looked at."""
    return recorded is not None and recorded.reason in WHATEVER_THE_RULES


def rests_on_record(rules: CopyRules, signal: Signal, recorded: CopyDecision | None) -> bool:
    """Whether the record holds every figure that these rules size by."""
    needs = needs_of(rules.sizing)
    if needs.entry and not signal.price:
        return False
    if not needs.figures:
        return True
    arithmetic = recorded.arithmetic if recorded is not None else None
    if arithmetic is None or arithmetic.mode != mode_of(rules.sizing):
        return False
    formula = arithmetic.formula
    return not isinstance(rules.sizing, ByExpression) or (
        formula is not None and formula.expression == rules.sizing.expression
    )


def occasion_of(leader: Account, position: LeaderPosition, figures: Figures | None) -> Occasion:
    """The open of a position whose record is out of reach, as its leader's book tells it."""
    signal = Signal(
        signal_id=SignalId(position.last_signal or "preview"),
        action=SignalAction.PENDING_PLACED if position.pending else SignalAction.OPEN,
        position_ref=position.position_ref,
        symbol=position.symbol,
        side=position.side,
        order_type=position.order_type,
        volume=position.opened,
        volume_after=position.opened,
        price=position.price,
        stop_loss=position.stop_loss,
        take_profit=position.take_profit,
        magic=position.magic,
        account=LeaderFigures(
            balance=figures.balance if figures is not None else ZERO,
            currency=figures.currency if figures is not None else "",
            equity=figures.equity if figures is not None else None,
            free_margin=figures.free_margin if figures is not None else None,
        ),
        occurred_at=position.opened_at,
        stream_id=position.stream_id,
        ordinal=position.ordinal,
    )
    return Occasion(leader, signal, position.run, position.opened_at, position.age_ms)


def _as_it_was(readings: Readings, follower: AccountId, arithmetic: Arithmetic | None) -> Readings:
    """Today's readings, but for the figures that the record holds."""
    known = readings.figures.get(follower)
    figures = known
    for figure, reading in _figures(arithmetic, known.currency if known is not None else ""):
        figures = figures or Figures(balance=ZERO, currency=reading.currency, at=reading.at)
        then = {str(figure): reading.amount, "currency": reading.currency, "at": reading.at}
        figures = msgspec.structs.replace(figures, **then)
    if figures is None or figures is known:
        return readings
    return msgspec.structs.replace(readings, figures=readings.figures | {follower: figures})


def _figures(arithmetic: Arithmetic | None, currency: str) -> Iterator[tuple[Figure, Balance]]:
    if arithmetic is None:
        return
    share, budget, formula = arithmetic.balances, arithmetic.budget, arithmetic.formula
    if share is not None:
        yield _SHARES.get(arithmetic.mode, Figure.BALANCE), share.follower
    if budget is not None:
        yield Figure(budget.basis), budget.figure
    if formula is not None:
        own = formula.rate.source if formula.rate is not None else currency
        for given in formula.inputs:
            if given.name in Figure and given.at is not None:
                yield Figure(given.name), Balance(given.value, own, given.at)


def _rates(arithmetic: Arithmetic | None) -> Iterator[Rate]:
    """The rates that were calculated with."""
    if arithmetic is None:
        return
    share, budget, formula = arithmetic.balances, arithmetic.budget, arithmetic.formula
    found = (
        share.rate if share is not None else None,
        budget.worth.rate if budget is not None else None,
        formula.rate if formula is not None else None,
        formula.worth.rate if formula is not None and formula.worth is not None else None,
    )
    yield from (rate for rate in found if rate is not None)
