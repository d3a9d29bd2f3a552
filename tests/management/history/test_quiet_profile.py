"""A quiet shop's database sleeps: below 60 hours a month awake, by the settings that ship."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from kopitra.domain.trading import AckStatus, SignalAction
from kopitra.protocol.event_messages import is_published
from kopitra_functions.history.draining import DrainRules
from kopitra_functions.settings import SQL_AWAKE_SECONDS, Settings
from scripts.tooling.steps import ROOT
from tests.management.history.quiet import DAYS, Month, PausingDatabase, Profile, replay, trading_days
from tests.unit.copying.world import START, World

REPORT = Path("build/sql-awake-hours.json")
EAS = 20
HOURS_ALLOWED = 60
SHORTEST_DELAY = timedelta(minutes=15)
"""The least that Azure SQL's serverless tier takes."""
DEFAULT_DELAY = timedelta(minutes=60)
BESIDE = 60
"""What 20 EAs tell on a day without trades: a session each, and the day's changes of symbols and balances."""


def messages_of_a_leader_event() -> int:
    """What is published when one leader's open is copied by everybody else, each with its ack and its deal."""
    world = World()
    followers = [world.follower(f"follower-{number}") for number in range(EAS - 1)]
    before = len(world.history)
    world.send(SignalAction.OPEN)
    for follower in followers:
        [order] = world.fetch(follower)
        world.fill(follower, order)
        world.ack(follower, order, AckStatus.EXECUTED)
    return sum(is_published(event) for event in world.history[before:])


@pytest.fixture(scope="module")
def each() -> int:
    return messages_of_a_leader_event()


def production() -> dict[str, Any]:
    """What the stack sets for SQL in production."""
    return yaml.safe_load((ROOT / "Pulumi.prod.yaml").read_text())["config"]["kopitra:sql"]


def shipped() -> DrainRules:
    sql = production()
    return DrainRules(
        messages=sql["drainMessages"],
        age=timedelta(minutes=sql["drainMinutes"]),
        awake=timedelta(seconds=SQL_AWAKE_SECONDS),
    )


def month(each: int, operator_from: int, delay: timedelta, rules: DrainRules | None = None) -> Month:
    profile = Profile(messages_each=each, beside=BESIDE, operator_from=operator_from)
    return replay(profile, rules or shipped(), delay)


def worst(each: int, delay: timedelta, rules: DrainRules | None = None) -> Month:
    """Whenever of the day the operator comes."""
    return max((month(each, hour, delay, rules) for hour in range(0, 24, 3)), key=lambda m: m.awake_hours)


def test_what_the_application_does_by_itself_is_what_production_sets() -> None:
    settings = Settings(_env_file=None)  # type: ignore[call-arg]
    assert settings.drain_messages == shipped().messages
    assert timedelta(seconds=settings.drain_age_seconds) == shipped().age
    assert settings.sql_awake_seconds == SQL_AWAKE_SECONDS
    assert timedelta(minutes=production()["autoPauseMinutes"]) == SHORTEST_DELAY


def test_the_profile_is_the_one_that_is_claimed(each: int) -> None:
    assert len(trading_days()) == 22
    assert each == 1 + 2 * (EAS - 1)
    assert month(each, 9, SHORTEST_DELAY).messages == 22 * 60 * each + DAYS * BESIDE


def test_a_quiet_month_is_awake_below_sixty_hours_whenever_the_operator_comes(
    each: int, capsys: pytest.CaptureFixture[str]
) -> None:
    found = worst(each, SHORTEST_DELAY)
    rules = shipped()
    report = {
        "hoursPerMonth": found.awake_hours,
        "allowed": HOURS_ALLOWED,
        "wakings": found.wakings,
        "drains": found.drains,
        "longestWaitHours": found.longest_wait_hours,
        "messages": found.messages,
        "autoPauseMinutes": SHORTEST_DELAY.seconds // 60,
        "drainMessages": rules.messages,
        "drainAgeSeconds": rules.age.total_seconds(),
        "hoursPerMonthAtDefaultDelay": worst(each, DEFAULT_DELAY).awake_hours,
    }
    (ROOT / REPORT).parent.mkdir(exist_ok=True)
    (ROOT / REPORT).write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    with capsys.disabled():
        print(f"\nSQL awake in a quiet month: {found.awake_hours} hours ({REPORT})")
    assert found.awake_hours < HOURS_ALLOWED
    assert timedelta(hours=found.longest_wait_hours) <= rules.age + timedelta(minutes=1)


def test_the_operators_own_hours_are_most_of_it(each: int) -> None:
    """What history adds to a database that is used an hour a day anyway."""
    never = DrainRules(messages=10**9, age=timedelta(days=365), awake=timedelta())
    alone = worst(each, SHORTEST_DELAY, never).awake_hours
    assert worst(each, SHORTEST_DELAY).awake_hours - alone < 15


def test_draining_every_few_minutes_would_cost_more_than_all_that_is_allowed(each: int) -> None:
    eager = DrainRules(messages=50, age=timedelta(minutes=5), awake=timedelta(minutes=5))
    assert worst(each, SHORTEST_DELAY, eager).awake_hours > 2 * HOURS_ALLOWED


def test_a_database_is_awake_from_a_use_until_its_delay_after_the_last() -> None:
    database = PausingDatabase(timedelta(minutes=15))
    database.use(START)
    database.use(START + timedelta(minutes=10))
    database.use(START + timedelta(hours=5))
    assert database.wakings == 2
    assert database.hours() == pytest.approx((26 + 16) / 60, abs=0.02)
