"""The timers and chores over a world: what the host calls by the clock, and what a drain calls when it ends."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import msgspec

from kopitra_functions.ports import World
from kopitra_functions.sql.database import Database
from kopitra_functions.sql.usage import SqlUse
from kopitra_functions.tasks.runner import Runner
from kopitra_functions.timers.chores import Chore, ChoreNotes, Chores
from kopitra_functions.timers.enrolment_expiry import EnrolmentExpiry
from kopitra_functions.timers.heartbeat_watch import HeartbeatWatch, WatchNotes
from kopitra_functions.timers.memory import Memory
from kopitra_functions.timers.reconcile_sweep import ReconcileSweep, SweepNotes
from kopitra_functions.timers.retention import Retention
from kopitra_functions.timers.sampling import Sampling
from kopitra_functions.timers.statistics import Statistics
from kopitra_functions.work import TimerWork

Round = Callable[[], Awaitable[int]]


class Timers(msgspec.Struct, frozen=True, kw_only=True):
    """As `kopitra_functions.work.Work` names them; `after_drain` is for the end of a drain, while SQL is awake."""

    heartbeat_watch: TimerWork
    reconcile_sweep: TimerWork
    enrolment_expiry: TimerWork
    retention: TimerWork
    statistics: TimerWork
    after_drain: Callable[[], Awaitable[None]]


def timers_over(
    world: World,
    database: Database,
    *,
    use: SqlUse,
    awake: timedelta,
    runner: Runner,
    more: Sequence[Chore] = (),
) -> Timers:
    """`awake`: how fresh an operator's use of SQL must be to count. `more`: chores of other parts."""

    async def is_awake() -> bool:
        return await use.used_within(awake)

    chores = Chores(
        chores=(*more, *_chores(world, database, runner)),
        memory=Memory(world.blobs, "chores", ChoreNotes),
        is_awake=is_awake,
        clock=world.clock,
    )
    watch = HeartbeatWatch(
        counterparty=world.counterparty,
        tokens=world.tokens,
        events=world.queues.events,
        memory=Memory(world.blobs, "heartbeat_watch", WatchNotes),
        sampling=Sampling(blobs=world.blobs, history=world.queues.history, is_awake=is_awake),
        clock=world.clock,
    )
    sweep = ReconcileSweep(
        counterparty=world.counterparty,
        tokens=world.tokens,
        commands=world.queues.commands,
        memory=Memory(world.blobs, "reconcile_sweep", SweepNotes),
        clock=world.clock,
    )

    async def watch_then_chores(late: bool) -> None:
        await watch.run()
        await chores.if_awake()

    async def after_drain() -> None:
        await chores.while_awake()

    return Timers(
        heartbeat_watch=watch_then_chores,
        reconcile_sweep=_timer(sweep.run),
        enrolment_expiry=_timer(chores.if_awake),
        statistics=_timer(chores.if_awake),
        retention=_timer(chores.daily),
        after_drain=after_drain,
    )


def _chores(world: World, database: Database, runner: Runner) -> Sequence[Chore]:
    expiry = EnrolmentExpiry(database=database, clock=world.clock)
    statistics = Statistics(database=database, clock=world.clock)
    retention = Retention(database=database, blobs=world.blobs, clock=world.clock)
    return (
        Chore(name="stalled_tasks", every=timedelta(minutes=5), run=runner.wake_stalled),
        Chore(name="enrolment_expiry", every=timedelta(hours=1), run=expiry.run),
        Chore(name="statistics", every=timedelta(hours=1), run=statistics.run),
        Chore(name="retention", every=timedelta(hours=20), run=retention.run),
    )


def _timer(run: Round) -> TimerWork:
    async def work(late: bool) -> None:
        await run()

    return work
