"""Alerts and the workbook ask for figures that the apps tell, under the very names that they tell them."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kopitra.application.measured import INSTRUMENTS
from kopitra.application.ports.journal import FenceLost
from kopitra.application.ports.telemetry import Service
from kopitra_functions.measuring import DrainCounts
from stack import observed
from stack.alarms import log_alarms, metric_alarms
from stack.observed import OF_APPS, OF_AZURE, PlatformMetric, Told
from stack.workbook import workbook
from tests.fixtures.telling import Telling
from tests.integration.counterparty.test_telemetry import HAPPENS_HERE, story
from tests.management.world import managed
from tests.stack.environments import environment
from tests.unit.counterparty.house import House, in_house, pair
from tests.unit.telemetry.test_figures_of_the_counterparty import filled

TABLE = {instrument.name: instrument for instrument in INSTRUMENTS}
SETTINGS = environment("prod").stack.settings


def queries() -> Iterator[tuple[str, str]]:
    for alarm in log_alarms(SETTINGS):
        yield alarm.name, alarm.query
    for item in json.loads(workbook(title="t"))["items"]:
        if "query" in item["content"]:
            yield item["name"], item["content"]["query"]


QUERIES = [pytest.param(query, id=name) for name, query in queries()]


@pytest.mark.parametrize("told", [pytest.param(each, id=each.name) for each in OF_APPS])
def test_a_figure_that_is_asked_for_is_in_the_apps_own_table(told: Told) -> None:
    instrument = TABLE[told.name]

    assert set(told.roles) == set(map(str, instrument.told_by))
    if told.dimension is not None:
        values = {dimension.name: set(dimension.values) for dimension in instrument.dimensions}
        assert set(told.values) <= values[told.dimension]


def test_the_first_status_of_accounts_is_the_one_that_counts_as_up() -> None:
    assert observed.EA_SESSIONS.values[0] == "live"
    assert set(observed.EA_SESSIONS.values) == set(TABLE["kopitra.ea.sessions"].dimensions[0].values)


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_names_what_is_told_and_nothing_else(query: str) -> None:
    table, *_ = query.splitlines()
    assert table == observed.TABLE
    (name,) = re.findall(r"Name == '([^']+)'", query.replace("AppRoleName", ""))
    instrument = TABLE[name]
    dimensions = {dimension.name: dimension.values for dimension in instrument.dimensions}
    assert set(re.findall(r"Properties\['([^']+)'\]", query)) <= dimensions.keys()
    texts = set(re.findall(r"'([^']+)'", query)) - {name} - dimensions.keys()
    allowed = {value for values in dimensions.values() for value in values} | set(
        map(str, instrument.told_by)
    )
    assert texts <= allowed


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_uses_columns_that_the_table_has_or_that_it_made_itself(query: str) -> None:
    words = set(re.findall(r"\b[A-Z][A-Za-z]+\b", re.sub(r"'[^']*'", "", query))) - {observed.TABLE}

    assert words <= observed.COLUMNS


def test_each_figure_of_an_alert_over_metrics_is_known_here() -> None:
    for alarm in metric_alarms(SETTINGS):
        assert alarm.metric in (*OF_APPS, *OF_AZURE)
        if isinstance(alarm.metric, PlatformMetric):
            assert "learn.microsoft.com" in alarm.metric.source


def test_every_figure_that_is_known_here_is_asked_for() -> None:
    asked = " ".join(query for _, query in queries())
    of_alarms = {alarm.metric for alarm in metric_alarms(SETTINGS)}

    assert [each.name for each in OF_APPS if f"'{each.name}'" not in asked and each not in of_alarms] == []


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What a running counterparty told of an orderly minute."""
    return asyncio.run(story(tmp_path_factory.mktemp("observed")))


@pytest.mark.timeout(120)
def test_a_running_app_tells_what_is_asked_for_under_the_same_names(told: list[dict[str, Any]]) -> None:
    lines = [line for line in told if "metric" in line]
    names = {line["metric"] for line in lines}
    of_this_minute = HAPPENS_HERE - {observed.INGESTION_P95.name}

    assert {each.name for each in OF_APPS if each.name in of_this_minute} <= names
    for each in OF_APPS:
        own = [line for line in lines if line["metric"] == each.name]
        assert {line["service"] for line in own} <= {str(Service.COUNTERPARTY)} & set(each.roles)
        if each.dimension is not None:
            assert all(each.dimension in line["dimensions"] for line in own)


def test_trouble_is_told_under_the_names_that_alerts_ask_for() -> None:
    telling = Telling()
    in_house(trouble, telemetry=telling)
    told = {series[0]: set[str]() for series in (*telling.counts, *telling.values, *telling.gauges)}
    for series in telling.counts:
        told[series[0]].update(series[1:])

    asked = {each.name for each in OF_APPS if observed.COUNTERPARTY_ROLE in each.roles}
    assert asked <= told.keys()
    assert "lost" in told[observed.FENCE_LOST.name]
    assert told[observed.CLOSES_REFUSED.name] == {"rejected"}
    assert told[observed.RECONCILIATION.name] == {"compared"}


async def trouble(house: House) -> None:
    """A close that is rejected, a book that is compared, and a writer that loses its place."""
    leader, follower = await pair(house)
    await leader.signal()
    [opened] = (await follower.poll()).json["events"]
    await follower.call("POST", "/executions", filled(opened["payload"]))
    await follower.ack(opened["eventId"])
    await leader.signal(action="close")
    [closing] = (await follower.poll()).json["events"]
    await follower.ack(closing["eventId"], "rejected")
    known = {"login": 1, "server": "S", "connected": True, "synchronised": True}
    await follower.report(
        ("ea.position_snapshot", {**known, "snapshotId": "s1", "positions": [], "orders": []})
    )
    await house.time.sleep(31)
    house.service.core.keeper.give_up(FenceLost("another took it"))
    await house.time.sleep(5)


async def test_the_management_side_tells_what_is_asked_of_it(tmp_path: Path) -> None:
    telling = Telling()
    async with managed(tmp_path, telemetry=telling) as side:
        assert (await side.call("GET", "/health")).status == 200
    DrainCounts(telling).drained(messages=2, dead_lettered=1)

    asked = {each.name for each in OF_APPS if observed.FUNCTIONS_ROLE in each.roles}
    assert asked <= {series[0] for series in telling.counts}
