"""Slots where the plan's tier has them, and one writer wherever."""

from typing import Any

import pytest

from tests.stack.environments import Built, build, changed, environment, with_slots
from tests.stack.monitor import Captured

KINDS_OF_SLOTS = (
    "web:WebAppSlot",
    "web:WebAppSlotConfigurationNames",
    "web:WebAppDiagnosticLogsConfigurationSlot",
    "web:WebAppFtpAllowedSlot",
    "web:WebAppScmAllowedSlot",
)


def settings_of(app: Captured) -> dict[str, Any]:
    return {each["name"]: each["value"] for each in app.inputs["siteConfig"]["appSettings"]}


def on(plan: str) -> Built:
    return build("staging", changed("staging", counterparty={"plan": plan}))


@pytest.mark.parametrize("name", ["dev", "staging", "prod"])
def test_a_basic_plan_has_no_slot_and_nothing_about_one(name: str) -> None:
    built = environment(name)

    assert not [each.name for each in built.azure if each.kind in KINDS_OF_SLOTS]
    assert settings_of(built.one("web:WebApp", "app"))["KOPITRA_SLOT"] == "production"


@pytest.mark.parametrize("plan", ["S1", "P0v3"])
def test_a_tier_with_slots_gets_one_that_never_holds_the_production_shard(plan: str) -> None:
    built = on(plan)
    app, slot = built.one("web:WebApp", "app"), built.one("web:WebAppSlot")

    assert settings_of(slot)["KOPITRA_SLOT"] == "staging"
    assert settings_of(app)["KOPITRA_SLOT"] == "production"
    sticky = built.one("web:WebAppSlotConfigurationNames").inputs
    assert sticky["name"] == app.inputs["name"] == slot.inputs["name"]
    assert sticky["appSettingNames"] == ["KOPITRA_SLOT"]


def test_what_is_swapped_differs_in_nothing_but_the_slots_own_setting() -> None:
    built = with_slots()
    app, slot = built.one("web:WebApp", "app"), built.one("web:WebAppSlot")

    assert settings_of(app).keys() == settings_of(slot).keys()
    differing = {name for name, value in settings_of(app).items() if settings_of(slot)[name] != value}
    assert differing == {"KOPITRA_SLOT"}
    of_app = {key: value for key, value in app.inputs["siteConfig"].items() if key != "appSettings"}
    assert of_app == {key: value for key, value in slot.inputs["siteConfig"].items() if key != "appSettings"}


@pytest.mark.parametrize("make", [lambda: environment("prod"), with_slots])
def test_a_shard_has_one_worker_that_is_always_on(make: Any) -> None:
    built: Built = make()

    assert built.one("web:AppServicePlan", "plan").inputs["sku"]["capacity"] == 1
    for app in [built.one("web:WebApp", "app"), *built.of("web:WebAppSlot")]:
        assert app.inputs["siteConfig"]["numberOfWorkers"] == 1
        assert app.inputs["siteConfig"]["alwaysOn"] is True


def test_what_is_said_about_liveness_is_what_the_health_check_asks() -> None:
    site = environment("prod").one("web:WebApp", "app").inputs["siteConfig"]

    assert site["healthCheckPath"] == "/trade-agent/v1/health/live"


def test_a_domain_of_ones_own_is_bound_before_its_certificate_is_asked_for_and_then_with_it() -> None:
    built = with_slots()
    bound, certificate = built.one("web:WebAppHostNameBinding"), built.one("web:Certificate")

    assert bound.urn in certificate.dependencies
    assert set(bound.ignored) == {"sslState", "thumbprint"}
    deployment = built.one("resources:Deployment")
    assert certificate.urn in deployment.dependencies
    (resource,) = deployment.inputs["properties"]["template"]["resources"]
    assert resource["name"] == f"{bound.inputs['name']}/trade.example.com"
    assert resource["properties"] == {"sslState": "SniEnabled", "thumbprint": "0" * 40}


def test_what_the_app_and_its_slot_write_is_kept_where_the_log_is_followed() -> None:
    built = with_slots()
    kinds = ("web:WebAppDiagnosticLogsConfiguration", "web:WebAppDiagnosticLogsConfigurationSlot")

    for logs in (built.one(kind) for kind in kinds):
        assert logs.inputs["name"] == built.one("web:WebApp", "app").inputs["name"]
        kept = logs.inputs["httpLogs"]["fileSystem"]
        assert kept["enabled"] is True
        assert kept["retentionInMb"] >= 25
