"""What goes wrong. Each fault begins with its step and ends by itself: leaving one out leaves the rest whole."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from kopitra.domain.orders import DealReason
from kopitra.simulation.broker.faults import Fault, FaultKind
from kopitra.simulation.broker.operations import PlanFaults, Switch
from kopitra.simulation.broker.retcodes import Retcode
from kopitra.simulation.draws import PER_MILLE, SeededDraws
from kopitra.simulation.journal import AppendFault, Tail
from tests.simulation.scenario.ingredients import Kind, Step, ingredient
from tests.simulation.scenario.leader_moves import one_of
from tests.simulation.stage.network import Fate, Storm

if TYPE_CHECKING:
    from tests.simulation.stage.world import World

MILLISECONDS = 1000
HOUR = 3600.0
STORM_MS = (300, 9_000)
GATHERING_MS = (500, 6_000)
"""How long a leader's agent reaches nobody while its trades gather."""
DOWN_MS = (50, 6_000)
"""How long something that crashed stays down."""
SKEWS = (-600, -61, -3, 3, 61, 600)
"""Seconds; up to ten minutes either way."""
LOSE_TRADES = frozenset({"order_lost", "broker_timeout"})
"""Netting accounts are spared them, and terminals that go away: their net does not tell yet whose open it lacks."""
MARGIN_LEFT_PERCENT = (15, 49)
"""Brokers close at half of the margin that positions need."""
PERCENT = 100
SERVER_SKEWS = (-15, -3, 3, 61, 600)
"""Of the counterparty's machine. Set back, it leaves the shard without a writer for so much longer after a crash: the
lease of the one that died is live until then by that clock."""


def _seconds(draws: SeededDraws, bounds: tuple[int, int]) -> float:
    return draws.between(*bounds) / MILLISECONDS


def _storm(name: str, *fates: Fate, weight: int = 6) -> None:
    @ingredient(Kind.FAULT, name, weight)
    async def storm(world: "World", step: Step, draws: SeededDraws) -> None:
        world.network.storms.append(
            Storm(
                ends=world.time.monotonic() + _seconds(draws, STORM_MS),
                per_mille=draws.between(150, 1000),
                fates=fates,
                draws=draws.named("strikes"),
                accounts=frozenset() if draws.chance(300) else frozenset({step.who}),
            )
        )


_storm("network_down", Fate.REFUSED, weight=4)
_storm("requests_vanish", Fate.LOST, Fate.RESET)
_storm("requests_late", Fate.LATE, weight=8)
_storm("requests_doubled", Fate.TWICE, weight=8)
_storm("answers_vanish", Fate.ANSWER_LOST, weight=8)
_storm("answers_late", Fate.ANSWER_LATE)
_storm("everything", *(fate for fate in Fate if fate is not Fate.ARRIVES), weight=8)


@ingredient(Kind.FAULT, "signals_shuffled", 6)
async def signals_shuffled(world: "World", step: Step, draws: SeededDraws) -> None:
    """A leader's agent tells of what gathered in another order than it happened: closes before their opens."""
    leader = one_of(sorted(world.leaders), draws)
    ends = world.time.monotonic() + _seconds(draws, GATHERING_MS)
    world.network.storms.append(
        Storm(ends, PER_MILLE, (Fate.REFUSED,), draws.named("strikes"), frozenset({leader}))
    )
    world.network.shuffler.shuffle_next(leader, draws.named("order"))


# -- the counterparty ------------------------------------------------------------------------------------------------


async def _restart(world: "World", seconds: float) -> None:
    await world.time.sleep(seconds)
    if not world.counterparties.live:
        world.counterparties.start()


@ingredient(Kind.FAULT, "counterparty_crash", 12)
async def counterparty_crash(world: "World", step: Step, draws: SeededDraws) -> None:
    """Every instance dies; an append that was on its way is lost, cut off, or was written all the same."""
    tail = one_of(tuple(Tail), draws)
    for instance in list(world.counterparties.live):
        if world.counterparties.crash(instance, tail):
            world.coverage.fault(f"journal_tail_{tail}")
    world.coverage.fault("counterparty_crash")
    await _restart(world, _seconds(draws, DOWN_MS))


@ingredient(Kind.FAULT, "crash_while_appending", 10)
async def crash_while_appending(world: "World", step: Step, draws: SeededDraws) -> None:
    """The writer dies with an append on its way, or with its answer."""
    if not await world.moment("append").comes():
        return
    await _moment(world, draws)
    tail = one_of(tuple(Tail), draws)
    world.coverage.fault("crash_while_appending")
    for instance in list(world.counterparties.live):
        if world.counterparties.crash(instance, tail):
            world.coverage.fault(f"journal_tail_{tail}")
    await _restart(world, _seconds(draws, DOWN_MS))


async def _moment(world: "World", draws: SeededDraws) -> None:
    """A few turns of the loop, or a few milliseconds."""
    for _ in range(draws.below(8)):
        await asyncio.sleep(0)
    if draws.chance(500):
        await world.time.sleep(draws.between(0, 6) / MILLISECONDS)


@ingredient(Kind.FAULT, "fence_stolen", 6)
async def fence_stolen(world: "World", step: Step, draws: SeededDraws) -> None:
    """The writer stands still for longer than its lease; a second instance takes over, then the first wakes up."""
    first = world.counterparties.writer
    if first is None or len(world.counterparties.live) > 1:
        return
    epoch = world.journal.fence.epoch
    first.process.freeze()
    world.counterparties.start()
    await world.time.sleep(_seconds(draws, (4_000, 16_000)))
    first.process.thaw()
    await world.time.sleep(_seconds(draws, (500, 5_000)))
    if world.journal.fence.epoch > epoch:
        world.coverage.fault("fence_stolen")
    for instance in list(world.counterparties.live):
        if len(world.counterparties.live) > 1 and not instance.serving:
            world.counterparties.crash(instance, Tail.LOST)


@ingredient(Kind.FAULT, "counterparty_pause", 5)
async def counterparty_pause(world: "World", step: Step, draws: SeededDraws) -> None:
    writer = world.counterparties.writer
    if writer is not None and not writer.process.frozen:
        world.coverage.fault("counterparty_pause")
        writer.process.freeze()
        await world.time.sleep(_seconds(draws, (20, 5_000)))
        writer.process.thaw()


@ingredient(Kind.FAULT, "counterparty_stops", 4)
async def counterparty_stops(world: "World", step: Step, draws: SeededDraws) -> None:
    """An orderly stop: what is in flight is answered, a snapshot is kept, the fence is released."""
    writer = world.counterparties.writer
    if writer is None or writer.process.frozen:
        return
    world.coverage.fault("counterparty_stops")
    await asyncio.wait({writer.process.spawn(writer.service.stop())})
    if writer in world.counterparties.live:
        world.counterparties.crash(writer, Tail.LOST)
    await _restart(world, _seconds(draws, DOWN_MS))


@ingredient(Kind.FAULT, "append_fails", 10)
async def append_fails(world: "World", step: Step, draws: SeededDraws) -> None:
    for _ in range(draws.between(1, 3)):
        fault = one_of(tuple(AppendFault), draws)
        world.coverage.fault(f"append_{fault}")
        world.journal.faults.append(fault)


@ingredient(Kind.FAULT, "journal_unreachable", 4)
async def journal_unreachable(world: "World", step: Step, draws: SeededDraws) -> None:
    world.coverage.fault("journal_unreachable")
    world.journal.reachable = False
    await world.time.sleep(_seconds(draws, (50, 6_000)))
    world.journal.reachable = True


@ingredient(Kind.FAULT, "blobs_fail", 5)
async def blobs_fail(world: "World", step: Step, draws: SeededDraws) -> None:
    """Snapshots, checkpoints of the relay; counted where they strike."""
    world.blob_trouble.left += draws.between(1, 3)


@ingredient(Kind.FAULT, "snapshot_now", 5)
async def snapshot_now(world: "World", step: Step, draws: SeededDraws) -> None:
    """A snapshot in the middle of everything: the next start reads it."""
    writer = world.counterparties.writer
    if writer is not None and not writer.process.frozen:
        world.coverage.fault("snapshot_now")
        await asyncio.wait({writer.process.spawn(writer.service.core.snapshotting.take())})


@ingredient(Kind.FAULT, "counterparty_clock", 5)
async def counterparty_clock(world: "World", step: Step, draws: SeededDraws) -> None:
    seconds = one_of(SERVER_SKEWS, draws)
    world.coverage.fault("counterparty_clock")
    step_by = timedelta(seconds=seconds) - world.counterparties.ahead
    world.clock_steps.append((world.time.monotonic(), step_by))
    world.counterparties.set_clock(seconds)


# -- agents and terminals --------------------------------------------------------------------------------------------


@ingredient(Kind.FAULT, "agent_crash", 16)
async def agent_crash(world: "World", step: Step, draws: SeededDraws) -> None:
    await _down(world, step, "agent_crash", _seconds(draws, DOWN_MS))


@ingredient(Kind.FAULT, "crash_while_trading", 12)
async def crash_while_trading(world: "World", step: Step, draws: SeededDraws) -> None:
    """The agent dies with a trade on its way to the broker, or with the broker's answer."""
    if await world.moment(f"trade of {step.who}").comes():
        await _moment(world, draws)
        await _down(world, step, "crash_while_trading", _seconds(draws, DOWN_MS), power=draws.chance(300))


@ingredient(Kind.FAULT, "agent_power", 6)
async def agent_power(world: "World", step: Step, draws: SeededDraws) -> None:
    """The machine goes out: what was not flushed to its disk is gone."""
    await _down(world, step, "agent_power", _seconds(draws, DOWN_MS), power=True)


@ingredient(Kind.FAULT, "agent_away_61s", 2)
async def agent_away(world: "World", step: Step, draws: SeededDraws) -> None:
    await _down(world, step, "agent_away_61s", 61.0)


async def _down(world: "World", step: Step, name: str, seconds: float, power: bool = False) -> None:
    party = world.parties[step.who]
    if party.crash_agent(power):
        world.coverage.fault(name)
        await world.time.sleep(seconds)
        party.start_agent()


@ingredient(Kind.FAULT, "agent_away_1h", 2)
async def agent_away_1h(world: "World", step: Step, draws: SeededDraws) -> None:
    await _away(world, step, "agent_away_1h", HOUR, draws)


@ingredient(Kind.FAULT, "agent_away_3d", 2)
async def agent_away_3d(world: "World", step: Step, draws: SeededDraws) -> None:
    await _away(world, step, "agent_away_3d", 3 * 24 * HOUR, draws)


async def _away(world: "World", step: Step, name: str, seconds: float, draws: SeededDraws) -> None:
    """Nobody does anything meanwhile, so everybody else is suspended for that time instead of idling through it."""
    party = world.parties[step.who]
    if party.crash_agent():
        world.coverage.fault(name)
        world.suspend(seconds)
        await world.time.sleep(_seconds(draws, (50, 2_000)))
        party.start_agent()


@ingredient(Kind.FAULT, "all_suspended", 2)
async def all_suspended(world: "World", step: Step, draws: SeededDraws) -> None:
    world.coverage.fault("all_suspended")
    world.suspend(draws.between(5, 600))


@ingredient(Kind.FAULT, "agent_pause", 6)
async def agent_pause(world: "World", step: Step, draws: SeededDraws) -> None:
    process = world.parties[step.who].process
    if process is not None and not process.frozen:
        world.coverage.fault("agent_pause")
        process.freeze()
        await world.time.sleep(_seconds(draws, (20, 9_000)))
        process.thaw()


@ingredient(Kind.FAULT, "host_clock", 6)
async def host_clock(world: "World", step: Step, draws: SeededDraws) -> None:
    world.coverage.fault("host_clock")
    world.parties[step.who].set_clock(one_of(SKEWS, draws))


@ingredient(Kind.FAULT, "terminal_crash", 8)
async def terminal_crash(world: "World", step: Step, draws: SeededDraws) -> None:
    terminal = world.parties[step.who].terminal
    if terminal.up and not world.parties[step.who].netting:
        world.coverage.fault("terminal_crash")
        terminal.crash()
        await world.time.sleep(_seconds(draws, DOWN_MS))
        terminal.restart()
        world.market.show()


@ingredient(Kind.FAULT, "terminal_cut_off", 8)
async def terminal_cut_off(world: "World", step: Step, draws: SeededDraws) -> None:
    """It shows the last book that it saw while its broker goes on."""
    terminal = world.parties[step.who].terminal
    if terminal.up and not world.parties[step.who].netting:
        world.coverage.fault("terminal_cut_off")
        desk = terminal.desk
        desk.set_link(False)
        await world.time.sleep(_seconds(draws, DOWN_MS))
        desk.set_link(True)


# -- brokers ---------------------------------------------------------------------------------------------------------


def _broker(name: str, make: Callable[[SeededDraws], Fault], weight: int = 5) -> None:
    @ingredient(Kind.FAULT, name, weight)
    async def plan(world: "World", step: Step, draws: SeededDraws) -> None:
        party = world.parties[step.who]
        if party.terminal.up and not (party.netting and name in LOSE_TRADES):
            world.coverage.fault(name)
            faults = tuple(make(draws) for _ in range(draws.between(1, 3)))
            party.operate(PlanFaults, scripted=faults)


_broker("broker_rejects", lambda draws: Fault(kind=FaultKind.REJECT, retcode=Retcode.REJECT))
_broker("broker_busy", lambda draws: Fault(kind=FaultKind.REJECT, retcode=Retcode.TOO_MANY_REQUESTS))
_broker("broker_requotes", lambda draws: Fault(kind=FaultKind.REQUOTE, requote_points=draws.between(1, 20)))
_broker("partial_fill", lambda draws: Fault(kind=FaultKind.PARTIAL, fill_per_mille=draws.between(100, 900)))
_broker("broker_timeout", lambda draws: Fault(kind=FaultKind.TIMEOUT, delay_ms=draws.between(0, 4000)))
_broker(
    "timeout_executed",
    lambda draws: Fault(kind=FaultKind.TIMEOUT_EXECUTED, answer_delay_ms=draws.between(0, 4000)),
)
_broker("order_lost", lambda draws: Fault(kind=FaultKind.REQUEST_LOST, delay_ms=draws.between(0, 2000)))
_broker("fill_unheard", lambda draws: Fault(kind=FaultKind.ANSWER_LOST))
_broker(
    "broker_slow",
    lambda draws: Fault(delay_ms=draws.between(0, 3000), answer_delay_ms=draws.between(0, 3000)),
)


@ingredient(Kind.FAULT, "market_closed", 6)
async def market_closed(world: "World", step: Step, draws: SeededDraws) -> None:
    await _switched(world, step, "market_closed", _seconds(draws, (500, 20_000)), closed=("*",))


@ingredient(Kind.FAULT, "autotrading_off", 6)
async def autotrading_off(world: "World", step: Step, draws: SeededDraws) -> None:
    await _switched(world, step, "autotrading_off", _seconds(draws, (500, 20_000)), autotrading=False)


async def _switched(world: "World", step: Step, name: str, seconds: float, **how: object) -> None:
    party = world.parties[step.who]
    if not party.terminal.up or not party.role.follows:
        return
    world.coverage.fault(name)
    party.operate(Switch, **how)
    await world.time.sleep(seconds)
    await party.up()
    party.operate(Switch, autotrading=True, closed=())


@ingredient(Kind.FAULT, "margin_call", 4)
async def margin_call(world: "World", step: Step, draws: SeededDraws) -> None:
    """Nearly all the money leaves an account: its broker closes the worst positions by itself. Later it comes back."""
    party = world.parties[step.who]
    if not party.terminal.up or party.netting:
        return
    view = party.terminal.desk.broker.account_view()
    kept_back = view.margin * draws.between(*MARGIN_LEFT_PERCENT) / PERCENT
    amount = (view.equity - kept_back).quantize(Decimal(1))
    if not view.margin or amount <= 0:
        return
    known = len(party.state.deals)
    party.deposit(-amount)
    world.market.show()
    if any(deal.reason is DealReason.STOP_OUT for deal in party.state.deals[known:]):
        world.coverage.fault("margin_call")
    await world.time.sleep(_seconds(draws, DOWN_MS))
    await party.up()
    party.deposit(amount)
