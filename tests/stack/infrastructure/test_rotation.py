"""New keys for session tokens reach an app that can use them, and the deployment waits until it does."""

import json
from typing import Any

import pytest

from stack.program import TOKEN_KEYS
from tests.stack.environments import KEY_BYTES, SECRET_VALUES, Built, build, changed, environment
from tests.stack.monitor import Captured

ROTATED = {"2026-11": KEY_BYTES, "2026-12": KEY_BYTES[::-1]}


def with_keys(keys: dict[str, str], config: dict[str, Any] | None = None) -> Built:
    return build("prod", config, secrets={**SECRET_VALUES, f"kopitra:{TOKEN_KEYS}": json.dumps(keys)})


def setting(app: Captured, name: str) -> str:
    return {each["name"]: each["value"] for each in app.inputs["siteConfig"]["appSettings"]}[name]


def test_the_app_gets_the_new_keys_id_only_once_the_vault_has_the_new_keys() -> None:
    before, after = environment("prod"), with_keys(ROTATED)
    app, secret = after.one("web:WebApp", "app"), after.one("keyvault:Secret")

    assert setting(app, "KOPITRA_TOKEN_KEY_ID") == "2026-12"
    assert secret.urn in app.dependencies
    old = setting(before.one("web:WebApp", "app"), "KOPITRA_TOKEN_KEYS")
    assert setting(app, "KOPITRA_TOKEN_KEYS") != old


def test_a_slot_waits_for_them_too() -> None:
    built = with_keys(ROTATED, changed("prod", counterparty={"plan": "P0v3"}))

    assert built.one("keyvault:Secret").urn in built.one("web:WebAppSlot").dependencies


@pytest.mark.parametrize("keys", [ROTATED, {"2026-11": KEY_BYTES[::-1]}], ids=["another", "the same id"])
def test_a_rotation_is_a_step_of_the_counterpartys_whose_health_is_waited_for(keys: dict[str, str]) -> None:
    def step(built: Built) -> Any:
        return next(each for each in built.resources if each.name == "counterparty-code").inputs

    before, after = step(environment("prod")), step(with_keys(keys))

    assert {name for name in after if after[name] != before[name]} == {"tokenKeys"}
    assert after["tokenKeys"] == setting(with_keys(keys).one("web:WebApp", "app"), "KOPITRA_TOKEN_KEYS")


def test_the_reference_is_an_address_and_holds_no_key() -> None:
    reference = setting(environment("prod").one("web:WebApp", "app"), "KOPITRA_TOKEN_KEYS")

    assert isinstance(reference, str)
    assert KEY_BYTES not in reference
