"""A wrong or missing setting stops with one sentence that names it, before anything of Azure is touched."""

import json
from typing import Any

import pytest

from kopitra.application.features import FLAGS
from stack.settings import SettingsInvalid, settings_from
from tests.stack.environments import ENVIRONMENTS, as_pulumi_gives_it, config_of


def given(name: str, /, **changes: Any) -> dict[str, str]:
    """What Pulumi hands over of the environment's file, topics replaced by `changes` (None: left out)."""
    plain = {
        key.removeprefix("kopitra:"): value
        for key, value in as_pulumi_gives_it(config_of(name)).items()
        if key.startswith("kopitra:")
    }
    for key, value in changes.items():
        if value is None:
            del plain[key]
        elif isinstance(value, dict):
            plain[key] = json.dumps({**json.loads(plain.get(key, "{}")), **value})
        else:
            plain[key] = value
    return plain


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"location": None}, "kopitra:location: is missing"),
        ({"sql": None}, "kopitra:sql: is missing"),
        ({"sql": {"adminLogn": "x"}}, "kopitra:sql.adminLogn: is no setting of this stack"),
        ({"sqll": "x"}, "kopitra:sqll: is no setting of this stack"),
        ({"environment": "prod"}, "kopitra:environment: is the stack's name and cannot be set"),
        ({"sql": {"autoPauseMinutes": 5}}, r"kopitra:sql\.autoPauseMinutes.*: .*(15|-1)"),
        (
            {"sql": {"developerAddresses": [{"name": "all", "address": "0.0.0.0"}]}},
            "would let all of Azure in",
        ),
        (
            {"storage": {"archiveAfterDays": 5}},
            "kopitra:storage: archiveAfterDays must be more than coolAfterDays",
        ),
        ({"bus": {"sessions": True}}, "kopitra:bus: sessions and duplicateDetection need the tier Standard"),
        ({"counterparty": {"plan": "F1"}}, "kopitra:counterparty.plan: "),
        ({"alerts": {"emails": []}}, "kopitra:alerts.emails: "),
        ({"alerts": {"logMinutes": 1}}, "kopitra:alerts.logMinutes: "),
        ({"budget": {"startMonth": "2026-13"}}, "kopitra:budget.startMonth: "),
        ({"operators": {"tenantId": "mine"}}, "kopitra:operators.tenantId: "),
        ({"operators": {"audience": "api://kopitra-prod"}}, "kopitra:operators.audience: "),
        ({"directoryId": "ours"}, "kopitra:directoryId: "),
        ({"sql": "{"}, "kopitra:sql: is not JSON"),
        ({"vault": {"purgeProtection": False}}, "kopitra: vault.purgeProtection must be true in prod"),
        ({"protected": "false"}, "kopitra: protected must not be false in prod"),
        ({"owner": "a<b"}, "kopitra:owner: "),
    ],
)
def test_one_sentence_names_what_is_wrong(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsInvalid, match=sentence) as caught:
        settings_from(given("prod", **changes), environment="prod")

    assert "\n" not in str(caught.value)


def test_a_stack_of_another_name_is_no_environment() -> None:
    with pytest.raises(SettingsInvalid, match="kopitra:environment: "):
        settings_from(given("dev"), environment="mine")


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_settings_can_not_be_changed_once_they_are_read(name: str) -> None:
    settings = settings_from(given(name), environment=name)

    with pytest.raises(ValueError, match="frozen"):
        settings.sql.most_vcores = 8  # type: ignore[misc]


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_flag_that_an_app_reads_is_set_and_none_that_nobody_reads(name: str) -> None:
    flags = settings_from(given(name), environment=name).configuration.feature_flags

    assert flags == {flag.name: flag.default for flag in FLAGS}


def test_the_free_tiers_requests_last_for_a_day() -> None:
    settings = settings_from(given("prod"), environment="prod").configuration

    counterparty_slot_and_a_process_that_never_rests = 3
    assert settings.tier == "free"
    assert counterparty_slot_and_a_process_that_never_rests * 24 * 3600 / settings.refresh_seconds <= 1000


def test_production_is_quiet_cheap_and_careful() -> None:
    settings = settings_from(given("prod"), environment="prod")

    assert (settings.counterparty.plan, settings.bus.tier, settings.sql.auto_pause_minutes) == (
        "B1",
        "Basic",
        15,
    )
    assert settings.vault.purge_protection
    assert settings.is_protected
    assert settings.storage.audit_immutable_days > 0
    assert settings.budget.monthly_usd == 50
