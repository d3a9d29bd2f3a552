"""A word before the money is spent, and when a day's cost is out of the ordinary."""

from typing import Any

import pytest

from tests.stack.environments import ENVIRONMENTS, build, changed, environment

MONTHLY = {"dev": 20, "staging": 40, "prod": 50}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_environments_group_has_a_monthly_budget_with_what_is_forecast(name: str) -> None:
    budget: Any = environment(name).one("consumption:Budget").inputs

    assert budget["scope"].endswith(f"/resourceGroups/kopitra-resource-group-{name}")
    assert (budget["amount"], budget["timeGrain"], budget["category"]) == (MONTHLY[name], "Monthly", "Cost")
    notices = {each["thresholdType"]: each["threshold"] for each in budget["notifications"].values()}
    assert notices == {"Actual": 100, "Forecasted": 100}
    assert budget["notifications"]["early"]["threshold"] == 80
    for notice in budget["notifications"].values():
        assert notice["enabled"] is True
        assert notice["contactEmails"] == ["platform@example.com"]
        assert notice["contactGroups"][0].endswith(f"/actionGroups/kopitra-alerts-{name}")


def test_a_budget_starts_on_the_first_of_the_month_that_was_set_and_stays_there() -> None:
    budget = environment("prod").one("consumption:Budget").inputs

    assert budget["timePeriod"] == {"startDate": "2026-12-01T00:00:00Z"}


def test_anomalies_are_looked_for_in_the_whole_subscription_for_a_year() -> None:
    watch = environment("prod").one("costmanagement:ScheduledActionByScope").inputs

    subscription = "/subscriptions/00000000-0000-0000-0000-000000000000"
    assert watch["scope"] == subscription
    assert watch["kind"] == "InsightAlert"
    assert watch["viewId"] == (
        f"{subscription}/providers/Microsoft.CostManagement/views/ms:DailyAnomalyByResourceGroup"
    )
    assert watch["schedule"] == {
        "frequency": "Daily",
        "startDate": "2026-12-01T00:00:00Z",
        "endDate": "2027-12-01T00:00:00Z",
    }
    assert watch["notification"]["to"] == ["platform@example.com"]


def test_the_watch_is_renewed_without_touching_the_budget() -> None:
    built = build("prod", changed("prod", budget={"anomaliesFrom": "2027-11"}))

    assert (
        built.one("costmanagement:ScheduledActionByScope").inputs["schedule"]["endDate"]
        == "2028-11-01T00:00:00Z"
    )
    assert built.one("consumption:Budget").inputs == environment("prod").one("consumption:Budget").inputs


@pytest.mark.parametrize("kind", ["consumption:Budget", "costmanagement:ScheduledActionByScope"])
def test_what_azure_changes_only_by_its_last_tag_is_made_anew_instead(kind: str) -> None:
    assert environment("prod").one(kind).replaced == ("*",)
