"""Timer triggers of the local host: NCRONTAB, what was missed, what fails, what overruns."""

from datetime import UTC, datetime, timedelta

import pytest
from azure.functions import FunctionApp, TimerRequest

from kopitra.simulation.virtual_time import START, VirtualTime, run_virtual
from kopitra_cli.functions_host.refusals import HostRefused
from kopitra_cli.functions_host.schedules import Schedule, schedules_of
from tests.management.host.functions import Hosting, MemoryOfTimers, at_times

EVERY_MINUTE = "0 * * * * *"
MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


class Runs:
    """When a timer ran, in seconds since the start, and whether it was late."""

    def __init__(self, time: VirtualTime, seconds: float = 0.0) -> None:
        self.time = time
        self.seconds = seconds
        self.at: list[tuple[float, bool]] = []

    async def __call__(self, timer: TimerRequest) -> None:
        self.at.append((self.time.monotonic(), timer.past_due))
        await self.time.sleep(self.seconds)


@pytest.mark.parametrize(
    ("expression", "first", "second"),
    [
        ("0 * * * * *", MONDAY + timedelta(minutes=1), MONDAY + timedelta(minutes=2)),
        ("*/15 * * * * *", MONDAY + timedelta(seconds=15), MONDAY + timedelta(seconds=30)),
        ("30 5 3 * * *", MONDAY.replace(hour=3, minute=5, second=30), None),
        ("5 3 * * *", MONDAY.replace(hour=3, minute=5), None),
        ("0 0 9 * * MON-FRI", MONDAY.replace(hour=9), MONDAY.replace(day=6, hour=9)),
        ("0 0 0 13 * 5", datetime(2026, 2, 13, tzinfo=UTC), datetime(2026, 3, 13, tzinfo=UTC)),
        ("0 0 0 1 Jan *", datetime(2027, 1, 1, tzinfo=UTC), None),
    ],
)
def test_a_schedule_is_read_as_azure_reads_it(expression: str, first: datetime, second: datetime | None):
    schedule = Schedule(expression)
    assert schedule.after(MONDAY) == first
    if second is not None:
        assert schedule.after(first) == second


@pytest.mark.parametrize(
    "expression",
    ["", "* * *", "@hourly", "R * * * * *", "0 61 * * * *", "%Schedule%", "00:05:00", "0 0 0 L * *"],
)
def test_what_is_no_ncrontab_is_refused(expression: str):
    with pytest.raises(HostRefused, match="no NCRONTAB expression"):
        Schedule(expression)


def test_a_timer_runs_at_other_times_where_the_host_is_told_so():
    async def main(time: VirtualTime) -> list[tuple[float, bool]]:
        runs = Runs(time)
        host = Hosting(time).host(at_times(EVERY_MINUTE, runs), schedules_of(["timer=*/20 * * * * *"]))
        await host.start()
        await time.sleep(61)
        await host.stop()
        return runs.at

    assert run_virtual(1, main) == [(20.0, False), (40.0, False), (60.0, False)]


@pytest.mark.parametrize(
    ("told", "why"),
    [("timer", "not TIMER=NCRONTAB"), ("=0 * * * * *", "not TIMER"), ("timer=often", "no NCRONTAB")],
)
def test_a_schedule_that_cannot_be_read_is_refused(told: str, why: str):
    with pytest.raises(HostRefused, match=why):
        schedules_of([told])


def test_a_schedule_of_a_timer_that_there_is_not_is_refused():
    async def main(time: VirtualTime) -> None:
        app = at_times(EVERY_MINUTE, Runs(time))
        with pytest.raises(HostRefused, match="there is no timer other"):
            Hosting(time).host(app, schedules_of(["other=0 * * * * *"]))

    run_virtual(1, main)


def test_a_timer_runs_at_each_occurrence_and_is_not_late():
    async def main(time: VirtualTime) -> None:
        runs = Runs(time)
        host = Hosting(time).host(at_times(EVERY_MINUTE, runs))
        await host.start()
        await time.sleep(200)
        await host.stop()
        assert runs.at == [(60.0, False), (120.0, False), (180.0, False)]

    run_virtual(1, main)


def test_an_occurrence_that_was_missed_while_nothing_ran_is_made_up_for_once_and_called_late():
    async def main(time: VirtualTime) -> None:
        hosting, runs = Hosting(time), Runs(time)
        app = at_times(EVERY_MINUTE, runs)
        host = hosting.host(app)
        await host.start()
        await time.sleep(70)
        await host.stop()
        await time.sleep(230)
        again = hosting.host(at_times(EVERY_MINUTE, runs))
        await again.start()
        await time.sleep(30)
        await again.stop()
        assert runs.at == [(60.0, False), (300.0, True)]

    run_virtual(1, main)


def test_a_run_that_a_kill_cut_short_is_late_at_the_next_start():
    async def main(time: VirtualTime) -> None:
        hosting, runs = Hosting(time), Runs(time, seconds=30.0)
        host = hosting.host(at_times(EVERY_MINUTE, runs))
        await host.start()
        await time.sleep(65)
        memory = MemoryOfTimers()
        memory.done = dict(hosting.memory.done)
        await host.stop()
        hosting.memory = memory
        again = hosting.host(at_times(EVERY_MINUTE, runs))
        await again.start()
        await time.sleep(1)
        await again.stop()
        assert [late for _, late in runs.at] == [False, True]

    run_virtual(1, main)


def test_a_timer_that_is_not_monitored_forgets_what_it_missed():
    async def main(time: VirtualTime) -> None:
        hosting, runs = Hosting(time), Runs(time)
        app = at_times("0 0 * * * *", runs, use_monitor=False)
        host = hosting.host(app)
        await host.start()
        await time.sleep(10)
        await host.stop()
        await time.sleep(7200)
        again = hosting.host(at_times("0 0 * * * *", runs, use_monitor=False))
        await again.start()
        await time.sleep(10)
        await again.stop()
        assert (runs.at, hosting.memory.done) == ([], {})

    run_virtual(1, main)


def test_a_timer_that_asks_for_it_runs_at_the_start():
    async def main(time: VirtualTime) -> None:
        runs = Runs(time)
        host = Hosting(time).host(at_times(EVERY_MINUTE, runs, run_on_startup=True))
        await host.start()
        await time.sleep(70)
        await host.stop()
        assert runs.at == [(0.0, False), (60.0, False)]

    run_virtual(1, main)


def test_a_run_that_overruns_is_followed_by_one_run_and_never_by_two_at_a_time():
    async def main(time: VirtualTime) -> None:
        runs = Runs(time, seconds=150.0)
        host = Hosting(time).host(at_times(EVERY_MINUTE, runs))
        await host.start()
        await time.sleep(400)
        await host.stop()
        assert [at for at, _ in runs.at] == [60.0, 210.0, 360.0]

    run_virtual(1, main)


def test_a_timer_that_fails_runs_again_at_its_next_occurrence():
    async def main(time: VirtualTime) -> None:
        at: list[float] = []

        async def fails(timer: TimerRequest) -> None:
            at.append(time.monotonic())
            raise OSError("for ever")

        host = Hosting(time).host(at_times(EVERY_MINUTE, fails))
        await host.start()
        await time.sleep(130)
        await host.stop()
        assert at == [60.0, 120.0]

    run_virtual(1, main)


def test_a_stop_waits_for_a_run_and_no_longer_than_the_grace():
    async def main(time: VirtualTime) -> None:
        for seconds, grace, waited in ((5.0, 8.0, 4.0), (50.0, 8.0, 8.0), (0.0, 8.0, 0.0)):
            host = Hosting(time).host(at_times("*/30 * * * * *", Runs(time, seconds=seconds)), grace=grace)
            await host.start()
            now = (time.now() - START).total_seconds() % 30
            await time.sleep(31 - now)
            before = time.monotonic()
            await host.stop()
            assert time.monotonic() - before == waited

    run_virtual(1, main)


def test_a_function_this_host_does_not_know_is_refused_by_name():
    async def main(time: VirtualTime) -> None:
        app = FunctionApp()

        @app.function_name("blobs")
        @app.blob_trigger(arg_name="blob", path="a", connection="c")  # pyright: ignore[reportUnknownMemberType]
        async def blobs(blob: object) -> None:
            """Never called."""

        with pytest.raises(HostRefused, match="blobs: this host knows no blobTrigger"):
            Hosting(time).host(app)

    run_virtual(1, main)
