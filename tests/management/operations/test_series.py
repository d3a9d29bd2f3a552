"""Series over time: percentiles that are percentiles, the same from samples and from rolled up hours."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from kopitra_functions.series.counting import counted, rounded, summary
from kopitra_functions.series.sources import STAGES
from kopitra_functions.sql.tables import account_states, rollups, symbol_specs
from kopitra_functions.timers.statistics import Statistics
from tests.management.operations.rows import (
    START,
    account_samples,
    add,
    add_tenants,
    at,
    execution,
    executions,
    latency_samples,
)
from tests.management.world import OTHER, TENANT, Managed

WHOLE_DAY = "since=2026-01-05T00:00:00Z&until=2026-01-06T00:00:00Z"


@given(st.lists(st.integers(-999, 999), min_size=1, max_size=200))
def test_percentiles_are_by_nearest_rank(values: list[int]) -> None:
    found = summary(counted((value, 1) for value in values))
    ordered = sorted(values)
    for percent, told in ((50, found.p50), (90, found.p90), (95, found.p95), (99, found.p99)):
        assert told == ordered[-(-len(values) * percent // 100) - 1]
    assert (found.number, found.least, found.most) == (len(values), ordered[0], ordered[-1])


@given(st.integers(-(10**9), 10**9))
def test_values_lose_at_most_half_a_percent(value: int) -> None:
    assert abs(rounded(value) - value) * 200 <= abs(value)


def test_nothing_has_no_percentiles() -> None:
    with pytest.raises(ValueError, match="nothing"):
        summary(Counter())


def latency(number: int, milliseconds: int, minute: float, **changes: Any) -> dict[str, Any]:
    return {
        "sequence": number,
        "ordinal": 1,
        "stage": STAGES[-1],
        "milliseconds": milliseconds,
        "occurred_at": at(minute),
        "account": "f1",
    } | changes


async def points(house: Managed, path: str, **options: Any) -> list[Any]:
    answer = await house.call("GET", f"/series/{path}", role="viewer", **options)
    assert answer.status == 200, answer
    return answer.json["items"]


@pytest.fixture
async def measured(house: Managed) -> Managed:
    """Two hours of latencies: 1 to 100 ms in the first, one second in the third; and a stranger's."""
    await add_tenants(house, TENANT, OTHER)
    first = [latency(number, number, number / 2) for number in range(1, 101)]
    await add(house, latency_samples, *first, latency(200, 1000, 125, account="f2"))
    await add(house, latency_samples, latency(300, 7, 1, tenant=OTHER), latency(301, 5, 1, stage=STAGES[0]))
    house.clock.advance(timedelta(days=3).total_seconds())
    return house


async def test_latency_by_hours_and_by_days(measured: Managed) -> None:
    by_hour = await points(measured, f"latency?{WHOLE_DAY}")
    assert [(point["at"], point["number"]) for point in by_hour] == [
        ("2026-01-05T00:00:00.000Z", 100),
        ("2026-01-05T02:00:00.000Z", 1),
    ]
    told = {name: by_hour[0][name] for name in ("least", "p50", "p90", "p95", "p99", "most")}
    assert told == {"least": 1, "p50": 50, "p90": 90, "p95": 95, "p99": 99, "most": 100}
    [day] = await points(measured, f"latency?{WHOLE_DAY}&bucket=day")
    assert (day["number"], day["p50"], day["p99"], day["most"]) == (101, 51, 100, 1000)
    assert [point["number"] for point in await points(measured, f"latency?{WHOLE_DAY}&account=f2")] == [1]
    assert [point["p50"] for point in await points(measured, f"latency?{WHOLE_DAY}&stage={STAGES[0]}")] == [5]
    assert [point["p50"] for point in await points(measured, f"latency?{WHOLE_DAY}", tenant=OTHER)] == [7]


async def test_rolling_up_changes_no_answer_and_outlives_the_samples(measured: Managed) -> None:
    before = [await points(measured, f"latency?{WHOLE_DAY}&bucket={bucket}") for bucket in ("hour", "day")]
    chore = Statistics(database=measured.database, clock=measured.clock)
    assert await chore.run() > 0
    after = [await points(measured, f"latency?{WHOLE_DAY}&bucket={bucket}") for bucket in ("hour", "day")]
    assert after == before
    await measured.database.write(lambda c: c.execute(latency_samples.delete()).rowcount)
    later = [await points(measured, f"latency?{WHOLE_DAY}&bucket={bucket}") for bucket in ("hour", "day")]
    # The last hours are made anew from their samples; what is older than that stays as it was rolled up.
    assert later == before


async def test_a_tenant_that_only_a_counterparty_knows_of_is_rolled_up_too(house: Managed) -> None:
    await add(house, account_states, {"account": "f9", "tenant": "strange"})
    await add(house, latency_samples, latency(1, 5, 1, tenant="strange"))
    house.clock.advance(7_200)
    assert await Statistics(database=house.database, clock=house.clock).run() == 1


async def test_what_comes_late_is_counted_the_next_time(measured: Managed) -> None:
    chore = Statistics(database=measured.database, clock=measured.clock)
    await chore.run()
    await add(measured, latency_samples, latency(400, 9, 130))
    await chore.run()
    [_, late] = await points(measured, f"latency?{WHOLE_DAY}")
    assert (late["number"], late["least"]) == (2, 9)
    rows = await measured.database.read(lambda c: c.execute(select(rollups)).all())
    await chore.run()
    assert await measured.database.read(lambda c: c.execute(select(rollups)).all()) == rows


async def test_slippage_is_in_points_of_the_symbol(house: Managed) -> None:
    await add_tenants(house, TENANT)
    await add(
        house,
        symbol_specs,
        {"account": "f1", "symbol": "EURUSD", "digits": 5},
        {"account": "f1", "symbol": "USDJPY", "digits": 3},
    )
    await add(
        house,
        executions,
        execution(1, slippage=Decimal("0.00012")),
        execution(2, slippage=Decimal("-0.00003")),
        execution(3, symbol="USDJPY", slippage=Decimal("0.007")),
        execution(4, slippage=None),
        execution(5, account="unknown"),
    )
    [all_of_them] = await points(house, f"slippage?{WHOLE_DAY}")
    assert (all_of_them["number"], all_of_them["least"], all_of_them["p50"], all_of_them["most"]) == (
        3,
        -3,
        7,
        12,
    )
    [yen] = await points(house, f"slippage?{WHOLE_DAY}&symbol=USDJPY")
    assert (yen["number"], yen["p50"]) == (1, 7)


async def test_equity_is_the_last_of_each_bucket_with_its_extremes(house: Managed) -> None:
    await add_tenants(house, TENANT)
    figures = [
        (0, "1000", "1000"),
        (15, "1000", "900"),
        (30, "1000", "1100.5"),
        (45, "950", None),
        (70, "960", "950"),
    ]
    rows = [
        {
            "account": "f1",
            "sampled_at": at(minute),
            "balance": Decimal(balance),
            "equity": None if equity is None else Decimal(equity),
            "currency": "EUR",
        }
        for minute, balance, equity in figures
    ]
    await add(house, account_samples, *rows, rows[0] | {"account": "f2"})
    answer = await house.call("GET", f"/series/equity?account=f1&{WHOLE_DAY}")
    assert (answer.json["currency"], answer.json["account"]) == ("EUR", "f1")
    assert [tuple(point.values()) for point in answer.json["items"]] == [
        ("2026-01-05T00:00:00.000Z", "950", "1100.5", "900", "1100.5"),
        ("2026-01-05T01:00:00.000Z", "960", "950", "950", "950"),
    ]
    assert (await house.call("GET", f"/series/equity?{WHOLE_DAY}")).status == 400
    assert (await house.call("GET", f"/series/equity?account=f1&{WHOLE_DAY}", tenant=OTHER)).json[
        "items"
    ] == []


async def test_a_period_that_no_chart_shows_is_refused(house: Managed) -> None:
    for query in ("since=2026-01-06T00:00:00Z&until=2026-01-05T00:00:00Z", "since=2020-01-01T00:00:00Z"):
        answer = await house.call("GET", f"/series/latency?{query}")
        assert (answer.status, answer.json["code"]) == (400, "query_invalid")
    assert START.hour == 0
