"""What followers do on their own accounts, beside what is copied."""

from decimal import Decimal
from typing import TYPE_CHECKING

from kopitra.domain.orders import DealReason
from kopitra.machine.state import FIRST_MAGIC
from kopitra.simulation.broker.records import Position
from kopitra.simulation.draws import SeededDraws
from tests.simulation.scenario.ingredients import Kind, Step, ingredient
from tests.simulation.scenario.leader_moves import one_of, side_of
from tests.simulation.stage.market import BEGIN

if TYPE_CHECKING:
    from tests.simulation.stage.accounts import Party
    from tests.simulation.stage.world import World

BY_HAND = (DealReason.CLIENT, DealReason.MOBILE, DealReason.WEB)


async def follower_of(world: "World", step: Step) -> "Party":
    party = world.parties[step.who]
    await party.up()
    return party


def copies_of(party: "Party") -> list[Position]:
    """None on a netting account, where nobody can close one copy by hand."""
    if party.netting:
        return []
    return [position for position in party.positions if position.magic >= FIRST_MAGIC]


@ingredient(Kind.FOLLOWER, "close_copy_by_hand", 10)
async def close_copy_by_hand(world: "World", step: Step, draws: SeededDraws) -> None:
    party = await follower_of(world, step)
    if copies := copies_of(party):
        party.close(one_of(copies, draws), reason=one_of(BY_HAND, draws))


@ingredient(Kind.FOLLOWER, "close_part_by_hand", 5)
async def close_part_by_hand(world: "World", step: Step, draws: SeededDraws) -> None:
    party = await follower_of(world, step)
    large = [p for p in copies_of(party) if p.volume > party.state.symbols[p.symbol].volume_min]
    if large:
        position = one_of(large, draws)
        spec = party.state.symbols[position.symbol]
        steps = int((position.volume - spec.volume_min) / spec.volume_step)
        volume = max(spec.volume_min, draws.between(1, max(1, steps)) * spec.volume_step)
        if position.volume - volume >= spec.volume_min:
            party.close(position, volume, reason=one_of(BY_HAND, draws))


@ingredient(Kind.FOLLOWER, "own_trade", 8)
async def own_trade(world: "World", step: Step, draws: SeededDraws) -> None:
    """A position that is no copy: nobody else may touch it."""
    party = await follower_of(world, step)
    if party.netting:
        return  # what its owner trades by hand there is not told from copies yet
    own = [position for position in party.positions if not position.magic]
    if own and draws.chance(500):
        party.close(one_of(own, draws))
        return
    symbol = one_of(tuple(BEGIN), draws)
    listed = symbol if symbol in party.state.symbols else symbol + party.state.profile.suffix
    volume = party.state.symbols[listed].volume_min
    party.by_hand(action="deal", symbol=listed, side=side_of(draws), volume=volume)


@ingredient(Kind.FOLLOWER, "large_withdrawal", 5)
async def large_withdrawal(world: "World", step: Step, draws: SeededDraws) -> None:
    """A third of the balance leaves: no loss, whatever a guard thinks of it."""
    party = await follower_of(world, step)
    party.deposit(-(party.worth / 3).quantize(Decimal(1)))


@ingredient(Kind.FOLLOWER, "follower_cash", 5)
async def follower_cash(world: "World", step: Step, draws: SeededDraws) -> None:
    party = await follower_of(world, step)
    party.deposit(Decimal(one_of((1_000, -500, 2_000, -900), draws)))
