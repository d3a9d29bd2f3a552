"""From a leader's events and one follower's rules to the follower's steps, position by position."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from .ordering import Event, in_order
from .sizing import copied_volume, floor_to_step

ZERO = Decimal(0)


class Step(NamedTuple):
    """One thing that the follower's broker must be told to do; `side` and the stops are the position's."""

    action: str
    """open, pending, modify, partial_close, close, cancel."""
    side: str
    symbol: str
    volume: Decimal
    """Opened or ordered; what a close takes away; what a modified position or order holds."""
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None


class Held(NamedTuple):
    """What the follower still has of one leader position when the events are over."""

    side: str
    symbol: str
    volume: Decimal
    stop_loss: Decimal | None
    take_profit: Decimal | None
    pending: bool


class Expectation(NamedTuple):
    steps: dict[str, list[Step]]
    """By the leader's position_ref; positions that are not copied have no entry."""
    skips: dict[str, str]
    """Why a position is not copied at all."""
    below_step: dict[str, int]
    """How many partial closes of the leader were too small for the follower's lot step."""
    book: dict[str, Held]


class _Copy:
    """One leader position at one follower."""

    def __init__(
        self, rules: Mapping[str, Any], event: Event, symbol: Mapping[str, Any], volume: Decimal
    ) -> None:
        self.rules, self.symbol = rules, symbol
        self.filled = self.live = volume
        self.opened_by_leader = self.left_to_leader = event["volume"]
        self.side, self.name = str(event["side"]), str(symbol["symbol"])
        self.pending = event["action"] == "pending_placed"
        """The follower's own order still waits."""
        self.price = event["price"] if self.pending else None
        self.stops = self._stops(event)
        self.below_step = 0
        self.steps = [self._step("pending" if self.pending else "open", volume, *self.stops)]

    def take(self, event: Event) -> None:
        match event["action"]:
            case "modify" | "pending_modified":
                self._modify(event)
            case "partial_close":
                self.left_to_leader = event["volume_after"]
                self._reduce()
            case "close" | "pending_cancelled":
                self._end()
            case _:
                """A leader's order was filled: the follower's own waits for its own market."""

    def happen(self, own: Mapping[str, int], ordinal: int) -> None:
        """What the follower's own market did before the leader's event of that ordinal."""
        if self.pending and own.get("filled", ordinal + 1) <= ordinal:
            self.pending = False
            self._reduce()
        if own.get("ended", ordinal + 1) <= ordinal:
            self.live = ZERO

    def _stops(self, event: Event) -> tuple[Decimal | None, Decimal | None]:
        stop_loss = event["stop_loss"] if self.rules.get("copy_stop_loss", True) else None
        return stop_loss, event["take_profit"] if self.rules.get("copy_take_profit", True) else None

    def _modify(self, event: Event) -> None:
        price = event["price"] if event["action"] == "pending_modified" else self.price
        if (self._stops(event), price) != (self.stops, self.price):
            self.stops, self.price = self._stops(event), price
            self.steps.append(self._step("modify", self.live, *self.stops))

    def _reduce(self) -> None:
        """To the leader's share of what was filled; an order that waits has filled nothing yet."""
        if self.pending or self.left_to_leader == self.opened_by_leader:
            return
        share = Fraction(self.left_to_leader) / Fraction(self.opened_by_leader)
        target = floor_to_step(Fraction(self.filled) * share, self.symbol["step"])
        if target < self.symbol["min"]:
            target = self.symbol["min"] if self.rules.get("remainder") == "keep" else ZERO
        if target >= self.live:
            self.below_step += 1
        elif target == ZERO:
            self._end()
        else:
            self.steps.append(self._step("partial_close", self.live - target))
            self.live = target

    def _end(self) -> None:
        self.steps.append(self._step("cancel" if self.pending else "close", self.live))
        self.live = ZERO

    def _step(self, action: str, volume: Decimal, *stops: Decimal | None) -> Step:
        return Step(action, self.side, self.name, volume, *stops)


def expected(
    events: Iterable[Event],
    rules: Mapping[str, Any],
    balances: Mapping[str, Mapping[str, Any]] | None = None,
    facts: Mapping[str, Mapping[str, int]] | None = None,
) -> Expectation:
    """What one follower must do about a leader's events.

    `events` have the keys at, action, ticket, position_ref, symbol, side, volume, volume_after, price,
    stop_loss, take_profit. `rules` are those of `copied_volume`, and: symbols ({leader's symbol: the
    follower's symbol, leader_ contract_size, contract_size, step, min, max}), copy_stop_loss,
    copy_take_profit, copy_pending, remainder (close_all, keep), joined_at (positions begun before it are none
    of the follower's).

    `balances` are balance_ratio's inputs, by position_ref. `facts` are what the follower's own market did, by
    position_ref: {"filled": n} says that its pending order was filled before the leader's n-th event of that
    position (0 is the first), {"ended": n} that a stop of its own closed it before that event.
    """
    copies: dict[str, _Copy] = {}
    skips: dict[str, str] = {}
    seen: dict[str, int] = {}
    for event in in_order(e for e in events if e["position_ref"]):
        ref = event["position_ref"]
        ordinal = seen[ref] = seen.get(ref, -1) + 1
        own, copy = (facts or {}).get(ref, {}), copies.get(ref)
        if copy is not None:
            copy.happen(own, ordinal)
            if copy.live:
                copy.take(event)
        elif ordinal == 0 and not _began_before(event, rules.get("joined_at")):
            outcome = _begin(event, rules, (balances or {}).get(ref))
            if isinstance(outcome, str):
                skips[ref] = outcome
            else:
                copies[ref] = outcome
    for ref, copy in copies.items():
        copy.happen((facts or {}).get(ref, {}), seen[ref] + 1)
    return Expectation(
        steps={ref: copy.steps for ref, copy in copies.items()},
        skips=skips,
        below_step={ref: copy.below_step for ref, copy in copies.items() if copy.below_step},
        book={
            ref: Held(copy.side, copy.name, copy.live, *copy.stops, copy.pending)
            for ref, copy in copies.items()
            if copy.live
        },
    )


def _begin(event: Event, rules: Mapping[str, Any], balance: Mapping[str, Any] | None) -> _Copy | str:
    symbol = rules["symbols"].get(event["symbol"])
    if symbol is None:
        return "symbol_unmapped"
    if event["action"] == "pending_placed" and not rules.get("copy_pending", True):
        return "pending_not_copied"
    volume, reason = copied_volume(event["volume"], symbol, rules, balance)
    return reason if volume is None else _Copy(rules, event, symbol, volume)


def _began_before(event: Event, joined_at: Any) -> bool:
    return joined_at is not None and event["at"] < joined_at
