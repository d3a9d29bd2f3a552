"""What operators do on the counterparty directly: orders to one account."""

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from kopitra.application.management import ManagementPlane
from kopitra.domain.identifiers import AccountId
from kopitra.domain.orders import OrderType, Side
from kopitra.domain.trading import OrderAction
from kopitra.machine.state import CopyStatus
from kopitra.protocol.management import OrderRequest
from kopitra.simulation.draws import SeededDraws
from tests.simulation.scenario.ingredients import Kind, Step, ingredient
from tests.simulation.scenario.leader_moves import one_of, side_of, stops
from tests.simulation.scenario.managing import OPERATOR, managed
from tests.simulation.stage.market import ALIASES, BEGIN, REACH

if TYPE_CHECKING:
    from tests.simulation.stage.accounts import Party
    from tests.simulation.stage.world import World

MOST_STEPS = 6
NAMES = {alias: symbol for symbol, alias in ALIASES.items()}


async def order(world: "World", party: "Party", request: OrderRequest) -> Any:
    """Ask for it in the name of the session that the account has now."""

    async def ask(plane: ManagementPlane) -> Any:
        views = plane.sessions(OPERATOR).sessions
        sessions = [view.session_id for view in views if view.account == party.name]
        return await plane.order(OPERATOR, sessions[0], request) if sessions else None

    return await managed(world, ask)


@ingredient(Kind.OPERATOR, "operator_opens", 8)
async def operator_opens(world: "World", step: Step, draws: SeededDraws) -> None:
    """A trade that no leader asked for, at market or resting."""
    party = world.parties[step.who]
    if not party.terminal.up or party.netting:
        return
    symbol, side = one_of(tuple(BEGIN), draws), side_of(draws)
    listed = symbol if symbol in party.state.symbols else symbol + party.state.profile.suffix
    spec = party.state.symbols[listed]
    loss, profit = stops(world, symbol, side, draws)
    price = None
    if draws.chance(250):
        below = -REACH[symbol] if side is Side.BUY else REACH[symbol]
        price = (world.market.bids[symbol] + below) * spec.point
    request = OrderRequest(
        action=OrderAction.OPEN,
        symbol=listed,
        side=side,
        volume=spec.volume_min + draws.below(MOST_STEPS) * spec.volume_step,
        order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
        price=price,
        stop_loss=loss if price is None else None,
        take_profit=profit if price is None else None,
    )
    await order(world, party, request)


class Seen(msgspec.Struct, frozen=True):
    """A position as an operator sees it: a copy as the core has it, or an operator's own trade."""

    symbol: str
    side: Side
    volume: Decimal
    ticket: int
    lone: bool


@ingredient(Kind.OPERATOR, "operator_changes", 10)
async def operator_changes(world: "World", step: Step, draws: SeededDraws) -> None:
    """Closes a copy or an operator's trade, takes a part of it off, or gives it other stops."""
    party = world.parties[step.who]
    if not party.terminal.up or party.netting:
        return
    seen = list(_seen(world, party))
    if not seen:
        await operator_opens(world, step, draws)
        return
    request = one_of((_close, _part, _stops), draws)(world, party, one_of(seen, draws), draws)
    await order(world, party, request)


def _seen(world: "World", party: "Party") -> Iterator[Seen]:
    facts = world.watch.facts
    for copy in facts.shadow.accounts[AccountId(party.name)].following.copies.values():
        if copy.status is CopyStatus.OPEN and copy.ticket is not None and copy.live_volume:
            yield Seen(copy.symbol, copy.side, copy.live_volume, copy.ticket, lone=False)
    for p in party.positions:
        if (party.name, p.magic) in facts.operated.lone:
            yield Seen(p.symbol, Side(p.side), p.volume, p.ticket, lone=True)


def _close(world: "World", party: "Party", seen: Seen, draws: SeededDraws) -> OrderRequest:
    return _change(OrderAction.CLOSE, seen)


def _part(world: "World", party: "Party", seen: Seen, draws: SeededDraws) -> OrderRequest:
    """Both parts as large as the broker wants them; else all of it."""
    spec = party.state.symbols[seen.symbol]
    steps = int((seen.volume - 2 * spec.volume_min) / spec.volume_step)
    if steps < 0 or seen.lone:
        return _change(OrderAction.CLOSE, seen)
    left = spec.volume_min + draws.between(0, steps) * spec.volume_step
    return _change(OrderAction.PARTIAL_CLOSE, seen, volume=seen.volume - left, target_volume=left)


def _stops(world: "World", party: "Party", seen: Seen, draws: SeededDraws) -> OrderRequest:
    listed = seen.symbol.removesuffix(party.state.profile.suffix)
    loss, profit = stops(world, NAMES.get(listed, listed), seen.side, draws)
    return _change(OrderAction.MODIFY, seen, stop_loss=loss, take_profit=profit)


def _change(action: OrderAction, seen: Seen, **terms: Any) -> OrderRequest:
    given: dict[str, Any] = {"volume": seen.volume, **terms}
    return OrderRequest(action=action, symbol=seen.symbol, side=seen.side, ticket=seen.ticket, **given)
