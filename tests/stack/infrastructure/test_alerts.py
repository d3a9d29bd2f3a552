"""Who is told of what, how soon, and what that costs."""

import json
from typing import Any

import pytest

from tests.stack.environments import ENVIRONMENTS, Built, build, changed, environment

NEEDED = {
    "slow-ingestion",
    "ea-uptime",
    "dead-letters",
    "server-errors",
    "management-errors",
    "reconciliation-failed",
    "fence-lost",
    "failed-closes",
    "counterparty-down",
}
MOST_LOG_RULES = 3
"""Each costs five to thirty times what a rule over a metric does (docs/decisions/0190)."""


def rules(built: Built) -> dict[str, Any]:
    return {
        each.name: each.inputs
        for each in (*built.of("monitor:MetricAlert"), *built.of("monitor:ScheduledQueryRule"))
    }


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_trouble_that_a_person_must_know_of_has_a_rule_that_tells_the_group(name: str) -> None:
    built = environment(name)
    group = built.one("monitor:ActionGroup")

    assert rules(built).keys() == NEEDED
    for each in built.of("monitor:MetricAlert"):
        (action,) = each.inputs["actions"]
        assert action["actionGroupId"].endswith(f"/actionGroups/kopitra-alerts-{name}")
        assert group.urn in each.dependencies
    for each in built.of("monitor:ScheduledQueryRule"):
        assert len(each.inputs["actions"]["actionGroups"]) == 1
        assert group.urn in each.dependencies


def test_a_rule_looks_at_the_resource_that_tells_its_figure() -> None:
    found = rules(environment("prod"))

    for name, place in {
        "slow-ingestion": "/components/kopitra-insights-prod",
        "fence-lost": "/components/kopitra-insights-prod",
        "failed-closes": "/components/kopitra-insights-prod",
        "dead-letters": "/namespaces/kopitra-bus-prod-",
        "server-errors": "/sites/kopitra-counterparty-prod-",
        "counterparty-down": "/sites/kopitra-counterparty-prod-",
        "ea-uptime": "/workspaces/kopitra-logs-prod",
    }.items():
        (scope,) = found[name]["scopes"]
        assert place in scope


def test_thresholds_come_from_the_settings() -> None:
    alerts = {
        "ingestionP95Ms": 400,
        "failedCloses": 3,
        "serverErrors": 50,
        "eaUptimePercent": 75,
        "logMinutes": 5,
    }
    found = rules(build("prod", changed("prod", alerts=alerts)))

    def limit(name: str) -> Any:
        return found[name]["criteria"]["allOf"][0]["threshold"]

    assert [limit(name) for name in ("slow-ingestion", "failed-closes", "server-errors", "ea-uptime")] == [
        400,
        3,
        50,
        75,
    ]
    assert found["ea-uptime"]["evaluationFrequency"] == "PT5M"
    assert found["ea-uptime"]["windowSize"] == "PT15M", (
        "EAs are watched over the minutes that the settings say"
    )
    assert found["management-errors"]["windowSize"] == "PT5M"


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_rules_over_logs_are_few_and_miss_nothing_between_two_looks(name: str) -> None:
    built = environment(name)
    over_logs = built.of("monitor:ScheduledQueryRule")

    assert len(over_logs) <= MOST_LOG_RULES
    assert {each.inputs["evaluationFrequency"] for each in over_logs} == {"PT15M"}
    assert {each.inputs["windowSize"] for each in over_logs} == {"PT15M"}


def test_a_figure_of_an_apps_own_may_be_missing_when_its_rule_is_made() -> None:
    for each in environment("prod").of("monitor:MetricAlert"):
        (criterion,) = each.inputs["criteria"]["allOf"]
        own = criterion["metricName"].startswith("kopitra.")
        assert criterion["skipMetricValidation"] is own
        assert criterion["metricNamespace"].startswith("azure." if own else "Microsoft.")


def test_the_workbook_is_a_document_of_azures_with_a_chart_for_each_figure() -> None:
    made = environment("prod").one("applicationinsights:Workbook").inputs
    document = json.loads(made["serializedData"])

    assert document["version"] == made["version"] == "Notebook/1.0"
    title, *charts = document["items"]
    assert title["type"] == 1
    assert len(charts) == len({chart["name"] for chart in charts}) >= 10
    assert {chart["content"]["resourceType"] for chart in charts} == {
        "microsoft.operationalinsights/workspaces"
    }
    assert made["sourceId"].endswith("/workspaces/kopitra-logs-prod")


def test_the_vaults_use_and_the_apps_starts_are_kept_and_no_request_is() -> None:
    logs = {
        each.inputs["logs"][0]["category"]: each.inputs["resourceUri"]
        for each in environment("prod").of("monitor:DiagnosticSetting")
    }

    assert logs.keys() == {"AuditEvent", "AppServicePlatformLogs"}
    assert "/vaults/" in logs["AuditEvent"]
    assert "/sites/kopitra-counterparty-" in logs["AppServicePlatformLogs"]
