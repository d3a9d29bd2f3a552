"""Guards that are set: some from the beginning, some while trades are on their way."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.simulation.stage.world import World

GUARDS: tuple[dict[str, Any], ...] = (
    {"name": "few", "kind": "open_positions", "limit": "3", "unit": "count"},
    {"name": "floor", "kind": "equity_floor", "limit": "1000", "unit": "money"},
    {"name": "day", "kind": "loss", "limit": "20", "unit": "percent", "period": "day"},
    {"name": "drawdown", "kind": "trailing_drawdown", "limit": "20", "unit": "percent", "period": "day"},
    {"name": "rate", "kind": "order_rate", "limit": "5", "unit": "count", "windowSeconds": 30},
)


async def guard_follower(world: "World", follower: str, guard: dict[str, Any]) -> None:
    """One more guard for a follower, beside those that it has."""
    await guard_layer(world, "follower", follower, guard)


async def guard_layer(world: "World", scope: str, target: str, guard: dict[str, Any]) -> None:
    """One more guard in a layer of settings; it takes the place of one of the same name."""
    known = world.guards.setdefault((scope, target), {})
    known[guard["name"]] = guard
    await world.publish(
        {"kind": "settings", "scope": scope, "target": target, "guards": list(known.values())}
    )
