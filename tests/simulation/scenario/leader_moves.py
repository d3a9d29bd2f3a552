"""What leaders do by hand: each move finds what it needs in the leader's own book, or opens something instead."""

from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

from kopitra.domain.orders import OrderType, Side
from kopitra.simulation.broker.records import Position
from kopitra.simulation.draws import SeededDraws
from tests.simulation.scenario.ingredients import Kind, Step, ingredient
from tests.simulation.stage.market import BEGIN, REACH, SPECS, STRIDE

if TYPE_CHECKING:
    from tests.simulation.stage.accounts import Party
    from tests.simulation.stage.world import World

T = TypeVar("T")
STEP = Decimal("0.01")
LOTS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 60, 100)
"""Steps of 0.01 lots: small ones that coarse brokers cannot copy, large ones that can be closed in many parts."""
MOST_OPEN = 12
"""Beyond it a leader closes before it opens: margin stays far from its limit."""


def one_of(choices: "list[T] | tuple[T, ...]", draws: SeededDraws) -> T:
    return choices[draws.below(len(choices))]


def side_of(draws: SeededDraws) -> Side:
    return one_of((Side.BUY, Side.SELL), draws)


async def leader_of(world: "World", step: Step) -> "Party":
    party = world.parties[step.who]
    await party.up()
    return party


def stops(world: "World", symbol: str, side: Side, draws: SeededDraws, base: int | None = None):
    """Stop loss and take profit in prices; each may be left out."""
    point, reach = SPECS[symbol].point, REACH[symbol]
    bid = world.market.bids[symbol] if base is None else base
    away = draws.between(reach // 2, 2 * reach), draws.between(reach // 2, 2 * reach)
    sign = 1 if side is Side.BUY else -1
    loss = (bid - sign * away[0]) * point if draws.chance(600) else None
    profit = (bid + sign * away[1]) * point if draws.chance(600) else None
    return loss, profit


def open_one(world: "World", party: "Party", draws: SeededDraws, *, bare: bool = False) -> None:
    if len(party.positions) >= MOST_OPEN:
        party.close(party.positions[0])
    symbol, side = one_of(tuple(BEGIN), draws), side_of(draws)
    loss, profit = (None, None) if bare else stops(world, symbol, side, draws)
    party.by_hand(
        action="deal",
        symbol=symbol,
        side=side,
        volume=one_of(LOTS, draws) * STEP,
        stop_loss=loss,
        take_profit=profit,
    )


def a_position(party: "Party", draws: SeededDraws) -> Position | None:
    return one_of(party.positions, draws) if party.positions else None


@ingredient(Kind.LEADER, "open", 24)
async def open_position(world: "World", step: Step, draws: SeededDraws) -> None:
    open_one(world, await leader_of(world, step), draws)


@ingredient(Kind.LEADER, "open_bare", 8)
async def open_bare(world: "World", step: Step, draws: SeededDraws) -> None:
    open_one(world, await leader_of(world, step), draws, bare=True)


@ingredient(Kind.LEADER, "close", 20)
async def close_position(world: "World", step: Step, draws: SeededDraws) -> None:
    party = await leader_of(world, step)
    position = a_position(party, draws)
    if position is None:
        open_one(world, party, draws)
    else:
        party.close(position)


@ingredient(Kind.LEADER, "close_part", 18)
async def close_part(world: "World", step: Step, draws: SeededDraws) -> None:
    party = await leader_of(world, step)
    large = [p for p in party.positions if p.volume > STEP]
    if not large:
        open_one(world, party, draws, bare=True)
        return
    position = one_of(large, draws)
    steps = int(position.volume / STEP)
    party.close(position, draws.between(1, steps - 1) * STEP)


@ingredient(Kind.LEADER, "close_to_last_step", 8)
async def close_to_last_step(world: "World", step: Step, draws: SeededDraws) -> None:
    party = await leader_of(world, step)
    large = [p for p in party.positions if p.volume > STEP]
    if not large:
        open_one(world, party, draws, bare=True)
        return
    position = one_of(large, draws)
    party.close(position, position.volume - STEP)


@ingredient(Kind.LEADER, "modify", 14)
async def modify(world: "World", step: Step, draws: SeededDraws) -> None:
    party = await leader_of(world, step)
    position = a_position(party, draws)
    if position is None:
        open_one(world, party, draws)
        return
    loss, profit = stops(world, position.symbol, Side(position.side), draws)
    party.by_hand(
        action="sltp",
        symbol=position.symbol,
        position=position.ticket,
        stop_loss=loss,
        take_profit=profit,
    )


@ingredient(Kind.LEADER, "place", 10)
async def place(world: "World", step: Step, draws: SeededDraws) -> None:
    party = await leader_of(world, step)
    symbol, side = one_of(tuple(BEGIN), draws), side_of(draws)
    kind = one_of((OrderType.LIMIT, OrderType.STOP), draws)
    reach = REACH[symbol]
    away = draws.between(reach // 2, reach)
    below = (kind is OrderType.LIMIT) == (side is Side.BUY)
    base = world.market.bids[symbol] + (-away if below else away)
    loss, profit = stops(world, symbol, side, draws, base)
    party.by_hand(
        action="pending",
        symbol=symbol,
        side=side,
        order_type=kind,
        volume=one_of(LOTS, draws) * STEP,
        price=base * SPECS[symbol].point,
        stop_loss=loss,
        take_profit=profit,
    )


@ingredient(Kind.LEADER, "change_order", 6)
async def change_order(world: "World", step: Step, draws: SeededDraws) -> None:
    party = await leader_of(world, step)
    if not party.orders:
        await place(world, step, draws)
        return
    order = one_of(party.orders, draws)
    party.by_hand(
        action="modify",
        symbol=order.symbol,
        order=order.ticket,
        price=order.price + draws.between(-5, 5) * SPECS[order.symbol].point,
        stop_loss=order.stop_loss,
        take_profit=order.take_profit,
    )


@ingredient(Kind.LEADER, "cancel_order", 6)
async def cancel_order(world: "World", step: Step, draws: SeededDraws) -> None:
    party = await leader_of(world, step)
    if not party.orders:
        await place(world, step, draws)
        return
    order = one_of(party.orders, draws)
    party.by_hand(action="remove", symbol=order.symbol, order=order.ticket)


@ingredient(Kind.LEADER, "close_by", 6)
async def close_by(world: "World", step: Step, draws: SeededDraws) -> None:
    """Two opposite positions of one symbol against each other; the second is opened where there is none."""
    party = await leader_of(world, step)
    position = a_position(party, draws)
    if position is None:
        open_one(world, party, draws, bare=True)
        return
    side = Side(position.side).opposite
    other = next((p for p in party.positions if p.symbol == position.symbol and p.side is side), None)
    if other is None:
        party.by_hand(action="deal", symbol=position.symbol, side=side, volume=one_of(LOTS, draws) * STEP)
        return
    party.by_hand(
        action="close_by", symbol=position.symbol, position=position.ticket, position_by=other.ticket
    )


@ingredient(Kind.LEADER, "burst", 4)
async def burst(world: "World", step: Step, draws: SeededDraws) -> None:
    """Many things at one moment, one of them a position that opens and closes in it."""
    party = await leader_of(world, step)
    open_one(world, party, draws, bare=True)
    flash = party.positions[-1] if party.positions else None
    for _ in range(draws.between(2, 6)):
        await one_of((close_part, modify, open_position, close_position), draws)(world, step, draws)
    if flash is not None and flash.ticket in party.state.positions:
        party.close(party.state.positions[flash.ticket])


@ingredient(Kind.LEADER, "drift", 20)
async def drift(world: "World", step: Step, draws: SeededDraws) -> None:
    symbol = one_of(tuple(BEGIN), draws)
    world.market.move(symbol, draws.between(-STRIDE[symbol], STRIDE[symbol]))


@ingredient(Kind.LEADER, "spike", 5)
async def spike(world: "World", step: Step, draws: SeededDraws) -> None:
    """The market jumps over stops and pending orders, and often back again."""
    symbol = one_of(tuple(BEGIN), draws)
    points = one_of((-1, 1), draws) * draws.between(REACH[symbol] // 2, 2 * REACH[symbol])
    world.market.move(symbol, points)
    if draws.chance(600):
        await world.time.sleep(draws.between(0, 800) / 1000)
        world.market.move(symbol, -points)


@ingredient(Kind.LEADER, "leader_cash", 2)
async def leader_cash(world: "World", step: Step, draws: SeededDraws) -> None:
    party = await leader_of(world, step)
    party.deposit(Decimal(one_of((5_000, -1_500, 2_500, -750), draws)))
