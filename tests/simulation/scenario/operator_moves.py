"""What operators change while trades are on their way."""

from typing import TYPE_CHECKING, Any

from kopitra.simulation.draws import SeededDraws
from tests.simulation.scenario.cast import CHAIN_GROUP
from tests.simulation.scenario.guards import GUARDS, guard_follower
from tests.simulation.scenario.ingredients import Kind, Step, ingredient
from tests.simulation.scenario.leader_moves import one_of
from tests.simulation.stage.market import ALIASES

if TYPE_CHECKING:
    from tests.simulation.stage.world import World

HALT_MS = (500, 15_000)
TURNED_PER_MILLE = 500


@ingredient(Kind.OPERATOR, "rules_changed", 10)
async def rules_changed(world: "World", step: Step, draws: SeededDraws) -> None:
    """Another multiplier, or limits, or a shorter life of opens; by queue, sometimes twice, sometimes late."""
    settings = _subscription_of(world, step.who, draws)
    if settings is None:
        return
    change = one_of(
        (
            {"multiplier": "0.7"},
            {"multiplier": "1.5"},
            {"maxVolume": "0.25"},
            {"openTtlSeconds": 10},
            {"openTtlSeconds": 30},
        ),
        draws,
    )
    rules = {**settings["rules"], **change}
    await _publish(world, {**settings, "rules": rules}, draws)
    world.coverage.move("rules_changed")


@ingredient(Kind.OPERATOR, "symbol_remapped", 5)
async def symbol_remapped(world: "World", step: Step, draws: SeededDraws) -> None:
    """A symbol gets another name at a follower's broker while copies of it are open."""
    settings = _subscription_of(world, step.who, draws)
    if settings is None:
        return
    mapped = settings["rules"].get("symbols")
    rules = {**settings["rules"], "symbols": {} if mapped else dict(ALIASES)}
    await _publish(world, {**settings, "rules": rules}, draws)


@ingredient(Kind.OPERATOR, "unsubscribed", 5)
async def unsubscribed(world: "World", step: Step, draws: SeededDraws) -> None:
    """A subscription is switched off, and later on again: what is open is followed to its end, or closed."""
    settings = _subscription_of(world, step.who, draws)
    if settings is None:
        return
    policy = one_of(("keep", "close_gracefully", "close_now"), draws)
    rules = {**settings["rules"], "unsubscribe": policy}
    await world.publish({**settings, "rules": rules, "enabled": False})
    await world.time.sleep(draws.between(*HALT_MS) / 1000)
    await world.publish({**settings, "rules": rules})


@ingredient(Kind.OPERATOR, "guarded", 8)
async def guarded(world: "World", step: Step, draws: SeededDraws) -> None:
    """A follower gets a guard, and keeps it."""
    await guard_follower(world, step.who, one_of(GUARDS, draws))


@ingredient(Kind.OPERATOR, "follower_disabled", 4)
async def follower_disabled(world: "World", step: Step, draws: SeededDraws) -> None:
    """No new copies for a while; what is open goes on being followed."""
    await world.publish_account(step.who, enabled=False)
    await world.time.sleep(draws.between(*HALT_MS) / 1000)
    await world.publish_account(step.who)


@ingredient(Kind.OPERATOR, "halted", 10)
async def halted(world: "World", step: Step, draws: SeededDraws) -> None:
    scope, target = one_of(
        (
            ("platform", ""),
            ("group", one_of(sorted(world.groups), draws)),
            ("leader", one_of(sorted(world.leaders), draws)),
            ("follower", step.who),
        ),
        draws,
    )
    mode = "flatten" if draws.chance(200) else "close_only"
    if mode == "flatten":
        world.coverage.move("flatten")
    halt = world.operation("trading.halt", {"scope": scope, "target": target, "mode": mode})
    resume_revision = world.next_revision()
    await world.commands.send([halt])
    await world.time.sleep(draws.between(*HALT_MS) / 1000)
    resume = world.operation("trading.resume", {"scope": scope, "target": target}, revision=resume_revision)
    await world.commands.send([resume])
    if draws.chance(300):  # the queue's late second copy of the halt must not undo the resume
        await world.time.sleep(draws.between(0, 3000) / 1000)
        await world.commands.send([halt])


@ingredient(Kind.OPERATOR, "group_changed", 5)
async def group_changed(world: "World", step: Step, draws: SeededDraws) -> None:
    """A group's other leader joins or leaves; or a chain's is to copy copies from now on, or no longer."""
    group = one_of(sorted(world.groups), draws)
    if group == CHAIN_GROUP and draws.chance(TURNED_PER_MILLE):
        world.relaying ^= {group}
        await world.publish_group(group)
        return
    leaders = list(world.groups[group])
    other = one_of(sorted(world.leaders), draws)
    if world.follows(other, group):
        return  # it would copy itself, which no group may
    if other in leaders and len(leaders) > 1:
        leaders.remove(other)
    elif other not in leaders:
        leaders.append(other)
    world.groups[group] = tuple(leaders)
    await world.publish_group(group)


@ingredient(Kind.OPERATOR, "resync", 5)
async def resync(world: "World", step: Step, draws: SeededDraws) -> None:
    await world.commands.send([world.operation("ea.resync", {"reason": "operator"}, step.who)])


@ingredient(Kind.OPERATOR, "session_released", 4)
async def session_released(world: "World", step: Step, draws: SeededDraws) -> None:
    await world.commands.send([world.operation("session.forceRelease", {}, step.who)])


@ingredient(Kind.OPERATOR, "checkpointed", 3)
async def checkpointed(world: "World", step: Step, draws: SeededDraws) -> None:
    """A consumer of what is published says how far it is: no start may know less."""
    through = {"consumer": "reports", "sequence": world.journal.fence.sequence}
    await world.commands.send([world.operation("consumer.checkpoint", through)])


@ingredient(Kind.OPERATOR, "nonsense", 3)
async def nonsense(world: "World", step: Step, draws: SeededDraws) -> None:
    """Malformed, or of somebody nobody knows: dead-lettered, and nothing changes."""
    await world.commands.send(
        [
            world.operation("trading.halt", {"scope": "galaxy"}),
            world.operation("ea.resync", {"reason": "operator"}, "nobody"),
        ]
    )


def _subscription_of(world: "World", follower: str, draws: SeededDraws) -> dict[str, Any] | None:
    """The last published settings of one of a follower's subscriptions."""
    names = sorted({name for name, _ in world.published if world.follower_of[name] == follower})
    if not names:
        return None
    name = one_of(names, draws)
    revision = max(revision for known, revision in world.published if known == name)
    return dict(world.published[name, revision])


async def _publish(world: "World", settings: dict[str, Any], draws: SeededDraws) -> None:
    message = world.operation("config.publish", settings)
    if draws.chance(300):
        world.coverage.fault("command_late")
        await world.time.sleep(draws.between(100, 6000) / 1000)
    await world.commands.send([message])
    if draws.chance(300):
        world.coverage.fault("command_doubled")
        await world.time.sleep(draws.between(0, 3000) / 1000)
        await world.commands.send([message])
