"""From resources to dollars: each price by hand, and what is not known is refused by its name."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from stack.cost.capture import Resource
from stack.cost.model import AZURE, FREE, RULES, ResourceUnpriced, cost_of, total
from stack.cost.prices import PRICES
from stack.cost.quiet import Quiet
from tests.stack.environments import with_slots

QUIET = Quiet(sql_awake_hours=Decimal(50))


def resource(kind: str, **inputs: Any) -> Resource:
    return Resource(AZURE, kind, "mine", inputs)


def usd(kind: str, quiet: Quiet = QUIET, **inputs: Any) -> Decimal:
    return total(cost_of([resource(kind, **inputs)], quiet))


def database(**changes: Any) -> Mapping[str, Any]:
    sku = {"name": "GP_S_Gen5"}
    return {"sku": sku, "minCapacity": 0.5, "autoPauseDelay": 15, "maxSizeBytes": 10 * 1024**3} | changes


def rule_over_logs(frequency: str) -> Mapping[str, Any]:
    return {"evaluationFrequency": frequency}


def test_a_database_costs_its_awake_hours_and_its_largest_size_with_the_log() -> None:
    assert usd("sql:Database", **database()) == Decimal("0.7") * 50 * Decimal("0.522") + 13 * Decimal("0.115")


def test_half_a_vcore_is_billed_as_the_memory_that_comes_with_it_and_more_as_itself() -> None:
    half, one = usd("sql:Database", **database()), usd("sql:Database", **database(minCapacity=1))
    assert one - half == Decimal("0.3") * 50 * Decimal("0.522")


def test_a_database_that_never_pauses_is_awake_all_the_month() -> None:
    [compute, _] = cost_of([resource("sql:Database", **database(autoPauseDelay=-1))], QUIET)
    assert compute.usd == 730 * Decimal("0.7") * Decimal("0.522")


def test_the_free_offer_costs_nothing_and_says_how_long_it_lasts() -> None:
    [line] = cost_of([resource("sql:Database", **database(useFreeLimit=True))], QUIET)
    assert line.usd == 0
    assert "free for 39.7 h awake, then paused until the next month; quiet: 50 h" in line.note


@pytest.mark.parametrize(
    ("frequency", "price"),
    [
        ("PT1M", "3.00"),
        ("PT5M", "1.50"),
        ("PT10M", "1.00"),
        ("PT15M", "0.50"),
        ("PT1H", "0.50"),
        ("P1D", "0.50"),
    ],
)
def test_a_rule_over_logs_costs_by_how_often_it_looks(frequency: str, price: str) -> None:
    assert usd("monitor:ScheduledQueryRule", **rule_over_logs(frequency)) == Decimal(price)


def test_a_rule_over_a_metric_costs_by_its_series_however_often_it_looks() -> None:
    series: dict[str, Any] = {"allOf": [{}, {}]}
    assert usd("monitor:MetricAlert", evaluationFrequency="PT1M", criteria=series) == Decimal("0.20")


def test_the_standard_bus_includes_the_first_millions() -> None:
    busy = Quiet(receives=20_000_000)
    millions = Decimal(busy.bus_operations) / 1_000_000
    basic = usd("servicebus:Namespace", busy, sku={"name": "Basic"})
    standard = usd("servicebus:Namespace", busy, sku={"name": "Standard"})
    assert basic == millions * Decimal("0.05")
    assert standard == Decimal("9.81") + (millions - 13) * Decimal("0.80")


def test_logs_cost_what_the_daily_cap_lets_through() -> None:
    chatty = Quiet(logs_gb=Decimal(1000))
    inputs: dict[str, Any] = {"sku": {"name": "PerGB2018"}, "retentionInDays": 30}
    capped = usd("operationalinsights:Workspace", chatty, workspaceCapping={"dailyQuotaGb": 0.1}, **inputs)
    assert capped == Decimal("0.1") * Decimal(730) / 24 * Decimal("2.30")


def test_a_plan_costs_by_its_instances() -> None:
    assert usd("web:AppServicePlan", sku={"name": "B1", "capacity": 2}) == Decimal("24.82")


def test_flex_consumption_is_billed_by_its_app_and_not_by_its_plan() -> None:
    plan = resource("web:AppServicePlan", sku={"name": "FC1"})
    flex = {"scaleAndConcurrency": {"instanceMemoryMB": 2048}}
    app = resource("web:WebApp", functionAppConfig=flex)
    lines = cost_of([plan, app], QUIET)
    assert total(lines) == QUIET.executions * (2 * Decimal("0.000026") + Decimal("0.40") / 1_000_000)


def test_a_kind_that_nobody_has_priced_is_refused_by_its_name() -> None:
    with pytest.raises(ResourceUnpriced, match='cache:Redis "mine": no rule says what it costs'):
        cost_of([resource("cache:Redis", sku={"name": "Basic"})], QUIET)


def test_a_tier_that_nobody_has_priced_is_refused_by_its_name() -> None:
    with pytest.raises(ResourceUnpriced, match='web:AppServicePlan "mine": no price for App Service P3v3'):
        cost_of([resource("web:AppServicePlan", sku={"name": "P3v3"})], QUIET)


def test_every_kind_is_either_free_for_a_reason_or_priced_and_every_entry_is_used() -> None:
    assert not FREE.keys() & RULES.keys()
    assert {each.kind for each in with_slots().azure} == FREE.keys() | RULES.keys()


def test_every_price_says_where_it_is_from_and_when_it_was_noted() -> None:
    assert len({(price.service, price.sku) for price in PRICES}) == len(PRICES)
    for price in PRICES:
        assert price.usd >= 0
        assert price.source.startswith("azure.microsoft.com/pricing/details/")
        assert date(2026, 1, 1) < price.noted
