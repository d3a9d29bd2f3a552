"""A clock that is set does not make anything older or younger than it is."""

from datetime import UTC, datetime, timedelta

import pytest

from kopitra.application.steady_clock import SLEW, SteadyClock

START = datetime(2026, 1, 5, 8, tzinfo=UTC)


class Machine:
    def __init__(self) -> None:
        self.wall = START
        self.passed = 0.0
        self.clock = SteadyClock(
            wall=lambda: self.wall, elapsed=lambda: self.passed, monotonic=lambda: self.passed
        )

    def wait(self, seconds: float) -> None:
        self.passed += seconds
        self.wall += timedelta(seconds=seconds)

    def set(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)


def test_it_is_the_machines_while_nobody_sets_that() -> None:
    machine = Machine()
    for _ in range(100):
        machine.wait(7.003)
        assert abs(machine.clock.now() - machine.wall) < timedelta(milliseconds=1)


@pytest.mark.parametrize("step", [61.0, -61.0, 600.0, -600.0])
def test_a_step_is_caught_up_slowly_and_it_never_goes_back(step: float) -> None:
    machine = Machine()
    machine.wait(10)
    before = machine.clock.now()
    machine.set(step)
    assert machine.clock.now() == before
    machine.wait(20)
    assert abs((machine.clock.now() - before).total_seconds() - 20) <= 20 * SLEW
    latest = machine.clock.now()
    for _ in range(round(abs(step) / SLEW)):
        machine.wait(1)
        assert machine.clock.now() >= latest
        latest = machine.clock.now()
    assert abs(latest - machine.wall) < timedelta(milliseconds=1)


def test_a_machine_that_slept_knows_how_long() -> None:
    machine = Machine()
    machine.wait(3600)
    assert machine.clock.now() == START + timedelta(hours=1)


def test_it_tells_whole_milliseconds() -> None:
    machine = Machine()
    machine.wait(0.0014)
    assert machine.clock.now() == START + timedelta(milliseconds=1)


@pytest.mark.parametrize(("ahead", "taken"), [(-5.0, 0.0), (600.0, 600.0), (3600.0, 3600.0), (3601.0, 0.0)])
def test_it_goes_on_from_where_the_process_before_it_ended_unless_that_was_plainly_wrong(
    ahead: float, taken: float
) -> None:
    machine = Machine()
    machine.clock.resume_from(START + timedelta(seconds=ahead))
    assert machine.clock.now() == START + timedelta(seconds=taken)
    machine.wait(60)
    assert abs((machine.clock.now() - START).total_seconds() - taken - 60) <= 60 * SLEW
