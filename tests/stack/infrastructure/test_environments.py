"""What the three environments' own files make."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from stack.app_settings import Builds
from stack.naming import RULES
from stack.settings import SettingsInvalid
from tests.stack.environments import (
    BUILDS,
    ENVIRONMENTS,
    RELEASE,
    Built,
    build,
    changed,
    config_of,
    environment,
    first_preview,
    with_slots,
)
from tests.stack.monitor import UNKNOWN, leaves

MOST_SECONDS = 8.0
"""Of one processor, for one environment from a cold start: a busy machine's clock proves nothing."""
COLD_BUILD = """
import time
from tests.stack.environments import build
build("prod")
print(time.process_time())
"""


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_an_environment_is_built_from_its_own_file(name: str) -> None:
    built = environment(name)

    assert built.outputs["environment"] == name
    assert len(built.of("web:WebApp")) == 2
    assert {each.name for each in built.of("storage:BlobContainer")} == {
        "audit",
        "counterparty",
        "management",
        "packages",
    }


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_first_preview_of_an_environment_knows_no_output_and_still_shows_every_resource(
    name: str,
) -> None:
    previewed = first_preview(name)

    assert {each.name for each in previewed.azure} == {each.name for each in environment(name).azure}
    assert previewed.outputs["counterpartyUrl"] is UNKNOWN
    assert previewed.outputs["release"] == RELEASE
    scopes = [each.inputs["scope"] for each in previewed.of("authorization:RoleAssignment")]
    assert set(map(repr, scopes)) == {"UNKNOWN"}


@pytest.mark.parametrize("make", [lambda: environment("prod"), with_slots])
def test_no_value_is_an_output_that_was_turned_into_text(make: Callable[[], Built]) -> None:
    wrong = [
        (each.name, path)
        for each in make().azure
        for path, value in leaves(each.plain())
        if isinstance(value, str) and ("Output" in value or "pulumi.output" in value)
    ]

    assert not wrong


def test_everything_of_azure_belongs_to_a_component_of_the_stack() -> None:
    stray = [each.name for each in with_slots().azure if "kopitra:stack:" not in each.parent]

    assert not stray


def test_an_app_waits_for_what_its_settings_point_at() -> None:
    app = environment("prod").one("web:WebApp", "app")

    for needed in ("::account", "::namespace", "::store", "::vault", "::plan", "::insights"):
        assert any(needed in urn for urn in app.dependencies), needed


def test_a_commit_that_changes_no_package_changes_the_groups_tag_and_nothing_else() -> None:
    before, after = environment("prod"), build("prod", release="v0.1.0-8-g7654321")

    was = {each.urn: each.inputs for each in before.resources}
    differing = {each.name for each in after.resources if was[each.urn] != each.inputs}
    assert differing == {"group"}
    assert after.one("resources:ResourceGroup").inputs["tags"]["release"] == "v0.1.0-8-g7654321"
    assert after.outputs["release"] == "v0.1.0-8-g7654321"


def test_another_package_of_an_app_changes_that_apps_code_and_nothing_else() -> None:
    before = environment("prod")
    after = build("prod", builds=Builds(counterparty="c0ffee0000000002", functions=BUILDS.functions))

    was = {each.urn: each.inputs for each in before.resources}
    assert {each.name for each in after.resources if was[each.urn] != each.inputs} == {"counterparty-code"}
    assert after.outputs["counterpartyBuild"] == "c0ffee0000000002"


def test_another_subscription_than_the_providers_is_refused() -> None:
    config = {**config_of("dev"), "azure-native:subscriptionId": "11111111-1111-1111-1111-111111111111"}

    with pytest.raises(
        SettingsInvalid, match=r"kopitra:subscriptionId: must be the azure-native:subscriptionId"
    ):
        build("dev", config)


def test_operators_of_another_directory_move_neither_the_vault_nor_the_databases_administrators() -> None:
    ours, theirs = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"
    config = changed("dev", directoryId=ours, operators={"tenantId": theirs})

    built = build("dev", config)

    assert built.one("keyvault:Vault").inputs["properties"]["tenantId"] == ours
    assert built.one("sql:Server").inputs["administrators"]["tenantId"] == ours
    settings = {
        each["name"]: str(each["value"])
        for each in built.one("web:WebApp", "app").inputs["siteConfig"]["appSettings"]
    }
    assert theirs in settings["KOPITRA_OPERATOR_ISSUER"]
    assert theirs in settings["KOPITRA_OPERATOR_JWKS"]


def test_without_a_directory_of_its_own_the_subscriptions_is_that_of_the_operators() -> None:
    tenant = config_of("dev")["kopitra:operators"]["tenantId"]

    assert environment("dev").one("keyvault:Vault").inputs["properties"]["tenantId"] == tenant


def test_without_token_keys_nothing_is_made() -> None:
    with pytest.raises(SettingsInvalid, match=r"kopitra:tokenKeys: is missing"):
        build("dev", secrets={})


def test_a_file_of_production_cannot_be_deployed_unprotected() -> None:
    with pytest.raises(SettingsInvalid, match="protected must not be false in prod"):
        build("prod", changed("prod", protected=False))


def test_one_environment_is_built_within_eight_seconds() -> None:
    done = subprocess.run(
        [sys.executable, "-c", COLD_BUILD], check=True, capture_output=True, text=True, timeout=110
    )

    assert float(done.stdout) <= MOST_SECONDS


def test_every_named_resource_has_a_rule_and_every_rule_a_resource() -> None:
    used = {kind for kind in RULES if any(_uses(each.inputs, kind) for each in with_slots().azure)}

    assert used == set(RULES)


def _uses(inputs: object, resource: str) -> bool:
    texts = [value for _, value in leaves(inputs) if isinstance(value, str)]
    return any(text.startswith((f"kopitra-{resource}-", f"kopitra{resource}")) for text in texts)
