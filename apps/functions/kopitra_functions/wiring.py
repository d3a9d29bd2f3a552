"""Which part of the management side does the work of which function."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import msgspec

from kopitra.adapters.operator_tokens import OperatorTokens
from kopitra_functions.history.drain import Drain
from kopitra_functions.history.draining import DrainRules
from kopitra_functions.history.notifying import Notifier, Webhooks
from kopitra_functions.history.rebuild import JournalReader, JournalRebuild
from kopitra_functions.history.recent import Recent
from kopitra_functions.history.spool import Spool
from kopitra_functions.http.app import create_app
from kopitra_functions.http.desk import Desk, catch_up, desk_over
from kopitra_functions.measuring import DeadLetters, DrainCounts
from kopitra_functions.ports import World
from kopitra_functions.settings import Settings
from kopitra_functions.sql.database import Database
from kopitra_functions.sql.threads import Threads
from kopitra_functions.sql.usage import SqlUse
from kopitra_functions.tasks.wiring import runner_over
from kopitra_functions.timers.chores import Chore
from kopitra_functions.timers.wiring import timers_over
from kopitra_functions.work import TimerWork, Work

CATCH_UP_EVERY = timedelta(minutes=1)
"""With what changes could not do at once: as often as anybody looks whether SQL is awake."""


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """What the work stands on besides the world. `operators` is None where no issuer is configured: then nobody is
    one; `open_journal` where there is no journal to read: then nothing is rebuilt from it. `threads` compute."""

    database: Database
    use: SqlUse
    operators: OperatorTokens | None
    webhooks: Webhooks
    threads: Threads
    open_journal: Callable[[], Awaitable[JournalReader]] | None


def work_of(settings: Settings, world: World, ground: Ground) -> Work:
    desk = desk_over(world, ground.database)
    runner = runner_over(world, ground.database, ground.threads, _rebuild(world, ground))
    awake = timedelta(seconds=settings.sql_awake_seconds)
    timers = timers_over(
        world,
        ground.database,
        use=ground.use,
        awake=awake,
        runner=runner,
        more=[_catching_up(desk)],
    )
    rules = DrainRules(
        messages=settings.drain_messages, age=timedelta(seconds=settings.drain_age_seconds), awake=awake
    )
    drain = Drain(
        queues=world.queues,
        database=ground.database,
        blobs=world.blobs,
        use=ground.use,
        clock=world.clock,
        sleeper=world.sleeper,
        rules=rules,
        after=[timers.after_drain],
    )
    counts, dead_letters = DrainCounts(world.telemetry), DeadLetters(world.telemetry, world.queues)
    return Work(
        telemetry=world.telemetry,
        http=create_app(desk=desk, operators=ground.operators, build=settings.build),
        events=_spool(world, ground).take,
        task=runner.take,
        history_drain=_ticking(drain, counts),
        heartbeat_watch=timers.heartbeat_watch,
        reconcile_sweep=_looking(dead_letters, timers.reconcile_sweep),
        enrolment_expiry=timers.enrolment_expiry,
        retention=timers.retention,
        statistics=timers.statistics,
    )


def _spool(world: World, ground: Ground) -> Spool:
    notifier = Notifier(
        blobs=world.blobs, webhooks=ground.webhooks, cipher=world.cipher, sleeper=world.sleeper
    )
    return Spool(
        history=world.queues.history,
        blobs=world.blobs,
        notifier=notifier,
        recent=Recent(),
        sleeper=world.sleeper,
    )


def _rebuild(world: World, ground: Ground) -> JournalRebuild | None:
    if ground.open_journal is None:
        return None
    return JournalRebuild(
        open_journal=ground.open_journal, database=ground.database, blobs=world.blobs, clock=world.clock
    )


def _catching_up(desk: Desk) -> Chore:
    async def run() -> int:
        await catch_up(desk)
        return 1

    return Chore(name="catching_up", every=CATCH_UP_EVERY, run=run)


def _ticking(drain: Drain, counts: DrainCounts) -> TimerWork:
    async def tick(late: bool) -> None:
        drained = await drain.tick()
        if drained is not None:
            counts.drained(drained.messages, drained.dead_lettered)

    return tick


def _looking(dead_letters: DeadLetters, sweep: TimerWork) -> TimerWork:
    """Every five minutes is soon enough for what waits for a person."""

    async def both(late: bool) -> None:
        await dead_letters.look()
        await sweep(late)

    return both
