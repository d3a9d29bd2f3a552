"""Plays one scenario: opening, the steps, an end to all faults, and rest. One seed is one execution, byte for byte."""

import asyncio
import gc
import logging
import time
import traceback
from collections.abc import Iterable
from datetime import timedelta
from unittest.mock import patch

import msgspec
import structlog

from kopitra.machine.decisions import standing_still
from kopitra.simulation.broker.operations import PlanFaults, Switch
from kopitra.simulation.draws import SeededDraws
from kopitra.simulation.virtual_time import VirtualTime
from tests.simulation.scenario.cast import configure, enter
from tests.simulation.scenario.correction_moves import decide_what_is_left
from tests.simulation.scenario.drawing import Scenario, drawn_scenario
from tests.simulation.scenario.ingredients import Kind, Step, named
from tests.simulation.stage.world import World

OPENING_SECONDS = 30.0
"""For everybody to enrol and to tell its catalogue, quotes and figures; a fraction of it is needed."""
ORDERS_OF_ONE_DECISION = 3
"""The world is small: so is what one decision stops, that the next ones have something left to do."""
REST_SECONDS = 240.0
"""Faults over, the world must be at rest by then: a refused close is driven again after at most a minute, a market that
was closed is asked again after a minute, absence counts after two snapshots half a minute apart."""
LOOK_SECONDS = 2.0
PATIENCE = 8
STEP_SECONDS = 120.0
"""The longest that one step lasts; then something waits for what will never come."""


class Outcome(msgspec.Struct, kw_only=True):
    """One run of one scenario."""

    seed: int
    violations: list[tuple[str, str]]
    coverage: dict[str, dict[str, int]]
    trace_hash: str
    state_hash: str
    accounts: int
    leader_events: int
    faults: int
    virtual_seconds: float
    cpu_seconds: float
    trace: list[str] | None = None

    @property
    def failed(self) -> bool:
        return bool(self.violations)


def quieten() -> None:
    """Only what is worth an error is formatted at all; and the collector waits for the end of each run."""
    gc.collect()
    gc.freeze()
    gc.disable()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        processors=[_defects],
        logger_factory=structlog.ReturnLoggerFactory(),
        cache_logger_on_first_use=False,
    )


DEFECTS = frozenset({"command_defect", "event_defect", "pulse_defect", "command.failed", "start_refused"})
_worlds: list[World] = []
RUNS_A_COLLECTION = 4
_uncollected = 0


def _defects(logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if event.get("event") in DEFECTS and _worlds:
        error = event.get("error") or event.get("exc_info")
        _worlds[-1].watch.violated("no_part_fails", f"{event['event']} {event.get('command', '')} {error}")
    return event


def _collect() -> None:
    """What a run leaves is one heap of cycles; to look through a few at once costs no more than through one."""
    global _uncollected  # noqa: PLW0603
    _uncollected += 1
    if _uncollected >= RUNS_A_COLLECTION and not gc.isenabled():
        _uncollected = 0
        gc.collect()


def run_seed(seed: int, *, keep_trace: bool = False, steps: Iterable[Step] | None = None) -> Outcome:
    """Play the seed's scenario, or only the given steps of it."""
    return run(drawn_scenario(seed), keep_trace=keep_trace, steps=steps)


def run(scenario: Scenario, *, keep_trace: bool = False, steps: Iterable[Step] | None = None) -> Outcome:
    began = time.process_time()
    virtual = VirtualTime(scenario.seed, scenario.begins)
    world = World(virtual, scenario.seed, keep_trace=keep_trace)
    _worlds.append(world)
    try:
        with patch.object(standing_still, "MOST_ORDERS", ORDERS_OF_ONE_DECISION):
            virtual.run(lambda: _play(world, scenario, tuple(scenario.steps if steps is None else steps)))
    except Exception as error:  # noqa: BLE001  # a stuck or broken run is a failing seed like any other
        world.watch.violated("no_part_fails", f"the run broke off: {traceback.format_exc(limit=-4)}{error!r}")
    finally:
        _worlds.pop()
        _collect()
    return Outcome(
        seed=scenario.seed,
        violations=world.watch.violations,
        coverage=world.coverage.plain(),
        trace_hash=world.trace_hash,
        state_hash=world.final_hash,
        accounts=len(world.parties),
        leader_events=world.leader_events,
        faults=world.coverage.fault_count,
        virtual_seconds=virtual.monotonic(),
        cpu_seconds=time.process_time() - began,
        trace=world.trace,
    )


async def _play(world: World, scenario: Scenario, steps: tuple[Step, ...]) -> None:
    await _open(world, scenario)
    began = world.time.monotonic()
    acts: list[asyncio.Task[None]] = []
    for step in steps:
        while (left := began + step.at + world.suspended - world.time.monotonic()) > 0:
            await world.time.sleep(left)
        act = asyncio.get_running_loop().create_task(_act(world, step))
        if named(step.name).kind in (Kind.LEADER, Kind.FOLLOWER):
            await act
        else:
            acts.append(act)
    for _ in range(PATIENCE):  # a step that lets days pass makes the others late
        if not all(act.done() for act in acts):
            await asyncio.wait(acts, timeout=STEP_SECONDS)
    for act in acts:
        if not act.done():
            world.watch.violated("no_part_fails", f"a step never ended: {act}")
        elif not act.cancelled() and (error := act.exception()) is not None:
            raise error
    await _calm(world)
    await _rest(world)
    world.finish()


async def _open(world: World, scenario: Scenario) -> None:
    draws = SeededDraws(scenario.seed, "opening")
    enter(world, scenario.cast, draws.named("enter"))
    world.counterparties.start()
    await configure(world, scenario.cast, draws.named("configure"))
    ends = world.time.monotonic() + OPENING_SECONDS
    while not world.configured and world.time.monotonic() < ends:
        await world.time.sleep(0.1)
    for refused in world.commands.dead.values():
        world.watch.violated(
            "no_part_fails", f"the cast's settings are refused: {refused.dead_letter_error_description}"
        )
    world.market.show()
    for party in world.parties.values():
        party.start_agent()
    while not world.opened and world.time.monotonic() < ends:
        await world.time.sleep(0.25)
    if not world.opened:
        world.watch.violated("no_part_fails", "not everybody came in time")


async def _act(world: World, step: Step) -> None:
    for _ in range(step.hops):
        await asyncio.sleep(0)
    world.note("step", step)
    ingredient = named(step.name)
    if ingredient.kind is not Kind.FAULT:
        world.coverage.move(step.name)
    await ingredient.act(world, step, SeededDraws(world.seed, f"step/{step.number}"))


async def _calm(world: World) -> None:
    """No more faults; everything that was switched off is on again. Clocks stay as wrong as they are."""
    world.note("calm")
    world.network.calm()
    world.journal.faults.clear()
    world.journal.reachable = True
    world.blob_trouble.left = 0
    if not world.counterparties.live:
        world.counterparties.start()
    for instance in world.counterparties.live:
        instance.process.thaw()
    for party in world.parties.values():
        if not party.terminal.up:
            party.terminal.restart()
        party.terminal.desk.set_link(True)
        party.operate(PlanFaults, clear=True)
        party.operate(Switch, autotrading=True, closed=())
        if party.process is not None:
            party.process.thaw()
        party.start_agent()
    _open_markets(world)
    world.market.show()


def _open_markets(world: World) -> None:
    """Let the weekend pass where some market is closed for it."""
    now = world.time.now()
    sessions = [s for party in world.parties.values() for s in party.state.profile.sessions]
    if sessions and not any(session.holds(now) for session in sessions):
        opens = (now + timedelta(days=6 - now.weekday())).replace(hour=22, minute=0, second=1)
        world.coverage.fault("weekend")
        world.suspend((opens - now).total_seconds())


async def _rest(world: World) -> None:
    """Return once nothing keeps the world from being at rest; after `REST_SECONDS` what does is a violation."""
    # A refused close comes back when the agent's clock says, a delayed open when the counterparty's does, however wrong
    # these are.
    wrong = max(world.host_errors.values(), default=0.0) + world.clock_error(0.0)
    ends = world.time.monotonic() + REST_SECONDS + wrong
    while True:
        await world.time.sleep(LOOK_SECONDS)
        await decide_what_is_left(world)
        left = world.watch.unsettled()
        if not left:
            return
        if world.time.monotonic() >= ends:
            break
    for name, sentence in left:
        world.watch.violated(name, sentence)
