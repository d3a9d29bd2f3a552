"""What the environments cost by the files that are deployed, and what each choice does to that."""

from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from stack.cost.capture import Resource, captured, changed, configuration
from stack.cost.choices import CHOICES
from stack.cost.model import AZURE, cost_of, total
from stack.cost.prices import DEARER_REGION, PRICED_REGION, margin_in
from stack.cost.quiet import Quiet, measured
from stack.packages.building import ROOT
from tests.management.history.test_quiet_profile import HOURS_ALLOWED
from tests.stack.environments import Built, environment, first_preview, with_slots

PRODUCTION_USD = 50
DEVELOPMENT_USD = 20
RECORDED = Quiet()
WORST = Quiet(sql_awake_hours=Decimal(HOURS_ALLOWED))
"""As long awake as the test of the quiet month lets pass."""


def resources(built: Built) -> list[Resource]:
    return [Resource(AZURE, each.kind, each.name, each.plain()) for each in built.azure]


@cache
def usd(name: str, quiet: Quiet = RECORDED) -> Decimal:
    return total(cost_of(resources(environment(name)), quiet))


def test_quiet_production_costs_less_than_fifty_dollars_a_month() -> None:
    assert usd("prod", measured(ROOT)) < PRODUCTION_USD
    assert usd("prod", WORST) < PRODUCTION_USD


def test_quiet_production_in_a_dearer_region_does_too() -> None:
    assert usd("prod", measured(ROOT)) * margin_in("westeurope") < PRODUCTION_USD


def test_development_costs_less_than_twenty_dollars_a_month() -> None:
    """In the region that it is deployed to: what is dearer there counts."""
    region = environment("dev").stack.settings.location
    assert usd("dev", measured(ROOT)) * margin_in(region) < DEVELOPMENT_USD


def test_a_region_whose_prices_nobody_noted_is_reckoned_with_a_margin() -> None:
    assert margin_in("westeurope") == DEARER_REGION
    assert margin_in(PRICED_REGION) == 1


@pytest.mark.parametrize("name", ["dev", "staging", "prod"])
def test_an_environment_stays_within_its_own_budget_when_quiet(name: str) -> None:
    assert usd(name, measured(ROOT)) < environment(name).stack.settings.budget.monthly_usd


def test_what_is_reckoned_is_what_a_first_preview_shows() -> None:
    found = captured("prod", configuration(ROOT, "prod"))

    mine = {(each.kind, each.name) for each in found if each.provider == AZURE}
    assert mine == {(each.kind, each.name) for each in first_preview("prod").azure}
    assert total(cost_of(found, Quiet())) == usd("prod")


def test_a_choice_is_a_setting_that_exists_and_costs_what_its_meters_say() -> None:
    """The dearest three, by hand: the rest goes the same way."""
    config = configuration(ROOT, "prod")
    wanted = config
    for choice in CHOICES[:1] + CHOICES[2:4]:
        wanted = changed(wanted, choice.topic, **choice.settings)

    more = total(cost_of(captured("prod", wanted), Quiet())) - usd("prod")

    awake = (730 - Quiet().sql_awake_hours) * Decimal("0.7") * Decimal("0.522")
    bus = Decimal("9.81") - Decimal(Quiet().bus_operations) / 1_000_000 * Decimal("0.05")
    assert more == awake + bus + Decimal("56.58") - Decimal("12.41")


def test_the_documentation_says_what_is_reckoned() -> None:
    page = (ROOT / "docs" / "deploying.md").read_text()
    for name in ("dev", "staging", "prod"):
        budget = environment(name).stack.settings.budget.monthly_usd
        assert f"| {name} | {usd(name):.2f} | {budget} |" in page
    for choice in CHOICES:
        assert f"| {choice.says} |" in page


def test_everything_that_is_off_by_default_has_a_price() -> None:
    assert total(cost_of(resources(with_slots()), Quiet())) > usd("prod")


def test_without_a_measurement_the_recorded_hours_hold(tmp_path: Path) -> None:
    assert measured(tmp_path) == Quiet()


def test_a_measurement_counts_as_it_was_measured(tmp_path: Path) -> None:
    report = tmp_path / "build" / "sql-awake-hours.json"
    report.parent.mkdir()
    report.write_text('{"hoursPerMonth": 51.3, "messages": 60000}')

    assert measured(tmp_path) == Quiet(sql_awake_hours=Decimal("51.3"), messages=60_000)


def test_the_quiet_month_counts_every_timer_of_the_management_side() -> None:
    from kopitra_functions.functions import SCHEDULES  # noqa: PLC0415  # the app's own table

    runs = sum(_runs_a_month(schedule) for schedule in SCHEDULES.values())
    assert runs == pytest.approx(Quiet().timer_runs, abs=1)


def _runs_a_month(schedule: str) -> float:
    _, minute, hour, *_ = schedule.split()
    hours = 730 if hour == "*" else 730 / 24
    if minute == "*":
        return hours * 60
    return hours * 60 / int(minute.removeprefix("*/")) if minute.startswith("*/") else hours
