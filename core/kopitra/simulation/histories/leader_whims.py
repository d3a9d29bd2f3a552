"""What a made-up leader does next: every choice is drawn, so one seed gives one history."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TypeVar

from kopitra.domain.orders import OrderType, Side
from kopitra.simulation.draws import SeededDraws
from kopitra.simulation.histories.leader_book import Holding, Trigger, triggers
from kopitra.simulation.histories.leader_desk import LeaderDesk

LOT_STEPS = (1, 1, 2, 2, 3, 5, 7, 10, 10, 15, 20, 40, 60)
"""Sizes of market orders in steps of 0.01 lots; the small ones are the common ones."""
SCALED_STEPS = (3, 4, 5, 7, 9, 12, 20, 30)
"""Sizes of positions that are meant to be closed in parts."""
MOST_POSITIONS = 14
"""With these sizes the margin stays far below the deposit."""
NEAR_MISS_POINTS = 3
"""By which the market misses the leader's stop: less than any follower's extra spread, so theirs can be hit."""
TO_THE_LAST_STEP = 250
"""Per mille of the partial closes that leave the smallest volume there is."""
DAY_BEGINS, DAY_ENDS = 7, 20
FRIDAY = 4

Choice = TypeVar("Choice")


class LeaderWhims:
    def __init__(self, desk: LeaderDesk, draws: SeededDraws, symbols: tuple[str, ...]) -> None:
        self.desk = desk
        self._draws = draws
        self._symbols = symbols

    def pass_time(self, seconds: tuple[int, int]) -> None:
        """A while of the trading day; after its end the next working day begins."""
        self.desk.wait(self._draws.between(*seconds))
        if self.desk.now.hour >= DAY_ENDS:
            days = 3 if self.desk.now.weekday() >= FRIDAY else 1
            morning = self.desk.now.replace(hour=DAY_BEGINS, minute=0, second=0) + timedelta(days=days)
            self.desk.wait(int((morning - self.desk.now).total_seconds()))
            self.desk.wait(self._draws.between(*seconds))

    def drift(self) -> None:
        """Some symbol moves a little."""
        symbol = self._one_of(self._symbols)
        stride = self.desk.market.symbol(symbol).stride
        self.desk.move(symbol, self.desk.market.bid(symbol) + self._draws.between(-stride, stride))

    def open(self, *, scaled: bool = False, kept: bool = False) -> Holding:
        """A market order; a kept position has no stops, so that nothing ends it."""
        self._make_room()
        symbol, side = self._one_of(self._symbols), self._side()
        steps = self._one_of(SCALED_STEPS if scaled else LOT_STEPS)
        stops = (None, None) if scaled or kept else self._stops(symbol, side, None)
        holding = self.desk.open(symbol, side, steps, stops)
        holding.kept = kept
        return holding

    def place(self) -> bool:
        symbol, side = self._one_of(self._symbols), self._side()
        kind = self._one_of((OrderType.LIMIT, OrderType.STOP))
        spec = self.desk.market.symbol(symbol)
        away = self._draws.between(spec.stop_distance // 3, spec.stop_distance)
        below = (kind is OrderType.LIMIT) == (side is Side.BUY)
        base = self.desk.market.bid(symbol) - away if below else self.desk.market.ask(symbol) + away
        stops = self._stops(symbol, side, base)
        self.desk.place(symbol, side, kind, self._one_of(LOT_STEPS), base, stops)
        return True

    def modify(self) -> bool:
        """New stops for a position or an order, or a new price for an order; False where there is none."""
        holdings = [*self.desk.positions(), *self.desk.orders()]
        free = [holding for holding in holdings if not holding.kept]
        if not free:
            return False
        holding = self._one_of(free)
        if not holding.is_waiting:
            self.desk.modify(holding, self._stops(holding.symbol, holding.side, None))
            return True
        spec = self.desk.market.symbol(holding.symbol)
        away = spec.stop_distance // 5
        lower = holding.price < self.desk.market.bid(holding.symbol)
        price = holding.price - away if lower else holding.price + away
        self.desk.modify(holding, self._stops(holding.symbol, holding.side, price), price)
        return True

    def close_part(self) -> bool:
        """Part of a position, often all but the last lot step; False where every position has one step only."""
        divisible = [holding for holding in self.desk.positions() if holding.steps > 1 and not holding.kept]
        if not divisible:
            return False
        holding = self._one_of(divisible)
        to_the_last = self._draws.chance(250)
        self.desk.close_part(
            holding, holding.steps - 1 if to_the_last else self._draws.between(1, (holding.steps + 1) // 2)
        )
        return True

    def close(self) -> bool:
        free = [holding for holding in self.desk.positions() if not holding.kept]
        if free:
            self.desk.close(self._one_of(free))
        return bool(free)

    def cancel(self) -> bool:
        orders = self.desk.orders()
        if orders:
            self.desk.cancel(self._one_of(orders))
        return bool(orders)

    def fill_an_order(self) -> bool:
        """The market goes to an order, now and then on beyond it, now and then back at once."""
        orders = self.desk.orders()
        if not orders:
            return False
        holding = self._one_of(orders)
        trigger = next(triggers(holding, self.desk.market.symbol(holding.symbol).spread))
        beyond = self._draws.below(self.desk.market.symbol(holding.symbol).stop_distance // 2)
        onward = beyond if trigger.rising else -beyond
        self.desk.move(holding.symbol, trigger.bid)
        self.desk.move(
            holding.symbol,
            self.desk.market.bid(holding.symbol) + (onward if self._draws.chance(500) else -onward),
        )
        return True

    def reach_a_stop(self) -> bool:
        """The market goes to a position's stop loss or take profit."""
        stops = [trigger for trigger in self._triggers_in_reach() if trigger.reason is not None]
        if stops:
            trigger = self._one_of(stops)
            self.desk.move(trigger.holding.symbol, trigger.bid)
        return bool(stops)

    def near_miss(self) -> bool:
        """The market comes within a few points of a stop or an order of the leader's, and turns."""
        waiting = self._triggers_in_reach()
        if not waiting:
            return False
        trigger = self._one_of(waiting)
        short = self._draws.between(1, NEAR_MISS_POINTS)
        symbol = trigger.holding.symbol
        self.desk.move(symbol, trigger.bid - short if trigger.rising else trigger.bid + short)
        back = self.desk.market.symbol(symbol).stride
        self.desk.move(symbol, self.desk.market.bid(symbol) - (back if trigger.rising else -back))
        return True

    def burst(self) -> bool:
        """Many things in one second, one of them a position that opens and closes in it."""
        flash = self.open(scaled=True)
        for _ in range(self._draws.between(2, 6)):
            whim = self._one_of((self.modify, self.close_part, self.close, self.cancel, self._open_plainly))
            whim()
        if flash in self.desk.positions():
            self.desk.close(flash)
        return True

    def _open_plainly(self) -> bool:
        self.open()
        return True

    def _make_room(self) -> None:
        free = [holding for holding in self.desk.positions() if not holding.kept]
        if len(free) >= MOST_POSITIONS:
            self.desk.close(free[0])

    def _triggers_in_reach(self) -> list[Trigger]:
        """Of stops and stop orders: what a wider spread meets earlier."""
        return [
            trigger
            for holding in [*self.desk.positions(), *self.desk.orders()]
            if holding.order_type is not OrderType.LIMIT
            for trigger in triggers(holding, self.desk.market.symbol(holding.symbol).spread)
        ]

    def _stops(self, symbol: str, side: Side, price: int | None) -> tuple[int | None, int | None]:
        """Stop loss and take profit around the market or an order's price; each may be left out."""
        spec = self.desk.market.symbol(symbol)
        bid, ask = (
            (self.desk.market.bid(symbol), self.desk.market.ask(symbol)) if price is None else (price, price)
        )
        below = bid - self._draws.between(spec.stop_distance, 3 * spec.stop_distance)
        above = ask + self._draws.between(spec.stop_distance, 3 * spec.stop_distance)
        loss, profit = (below, above) if side is Side.BUY else (above, below)
        return loss if self._draws.chance(700) else None, profit if self._draws.chance(700) else None

    def _side(self) -> Side:
        return self._one_of((Side.BUY, Side.SELL))

    def _one_of(self, choices: Sequence[Choice]) -> Choice:
        return choices[self._draws.below(len(choices))]
