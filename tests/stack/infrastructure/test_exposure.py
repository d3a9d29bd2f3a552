"""What can be reached, by whom, and what is written where anybody could read it."""

import json
from typing import Any

import pytest

from tests.stack.environments import (
    ENVIRONMENTS,
    KEY_BYTES,
    PAGER,
    SECRET_VALUES,
    Built,
    build,
    changed,
    environment,
    first_preview,
    with_slots,
)
from tests.stack.monitor import Secret, leaves

EVERY = [pytest.param(name, id=name) for name in (*ENVIRONMENTS, "with slots")]
HARMLESS = {
    "APPLICATIONINSIGHTS_CONNECTION_STRING": "an address: writing by key is switched off",
    "KOPITRA_TOKEN_KEYS": "a reference to the vault",
    "KOPITRA_TOKEN_KEY_ID": "which key signs, not the key",
}
"""Settings of apps whose names sound of secrets → why they are none."""
SUSPICIOUS = ("KEY", "SECRET", "PASSWORD", "TOKEN", "CONNECTION_STRING", "CONNECTIONSTRING", "SAS")


def made(name: str) -> Built:
    return with_slots() if name == "with slots" else environment(name)


@pytest.mark.parametrize("name", EVERY)
def test_the_storage_account_takes_identities_over_tls_only(name: str) -> None:
    account = made(name).one("storage:StorageAccount").inputs

    assert account["allowBlobPublicAccess"] is False
    assert account["allowSharedKeyAccess"] is False
    assert account["allowCrossTenantReplication"] is False
    assert account["enableHttpsTrafficOnly"] is True
    assert account["minimumTlsVersion"] == "TLS1_2"
    assert {each.inputs["publicAccess"] for each in made(name).of("storage:BlobContainer")} == {"None"}


@pytest.mark.parametrize("name", EVERY)
def test_nothing_else_takes_a_key_or_a_password_either(name: str) -> None:
    built = made(name)

    for kind in (
        "servicebus:Namespace",
        "appconfiguration:ConfigurationStore",
        "applicationinsights:Component",
    ):
        assert built.one(kind).inputs["disableLocalAuth"] is True
    assert built.one("keyvault:Vault").inputs["properties"]["enableRbacAuthorization"] is True
    server = built.one("sql:Server").inputs
    assert server["administrators"]["azureADOnlyAuthentication"] is True
    assert not {"administratorLogin", "administratorLoginPassword"} & server.keys()
    passwords = [each for each in built.azure if each.kind.startswith(("web:WebAppFtp", "web:WebAppScm"))]
    apps = len(built.of("web:WebApp")) + len(built.of("web:WebAppSlot"))
    assert len(passwords) == 2 * apps
    assert not any(each.inputs["allow"] for each in passwords)


@pytest.mark.parametrize("name", EVERY)
def test_apps_speak_tls_1_2_and_newer_only(name: str) -> None:
    built = made(name)

    for app in (*built.of("web:WebApp"), *built.of("web:WebAppSlot")):
        assert app.inputs["httpsOnly"] is True
        assert app.inputs["siteConfig"]["minTlsVersion"] == "1.2"
        assert app.inputs["siteConfig"]["ftpsState"] == "Disabled"
        assert app.inputs["identity"] == {"type": "SystemAssigned"}
    assert built.one("servicebus:Namespace").inputs["minimumTlsVersion"] == "1.2"
    assert built.one("sql:Server").inputs["minimalTlsVersion"] == "1.2"


@pytest.mark.parametrize("name", EVERY)
def test_the_database_lets_in_azure_and_the_developers_that_are_named(name: str) -> None:
    rules = {each.inputs["firewallRuleName"]: each.inputs for each in made(name).of("sql:FirewallRule")}

    assert rules.keys() == {"azure-services", *(["office"] if name == "with slots" else [])}
    assert all(rule["startIpAddress"] == rule["endIpAddress"] for rule in rules.values())


@pytest.mark.parametrize("preview", [False, True])
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_no_secret_is_written_in_plain(name: str, preview: bool) -> None:
    built = first_preview(name) if preview else environment(name)
    plain = [
        (where, path)
        for where, values in [(each.name, each.inputs) for each in built.resources]
        + [("outputs", built.outputs)]
        for path, value in leaves(values)
        if isinstance(value, str)
        and any(secret in value for secret in (KEY_BYTES, PAGER, *SECRET_VALUES.values()))
    ]

    assert plain == []


def test_secrets_reach_the_vault_and_the_pager_as_secrets() -> None:
    built = environment("prod")

    secret: Any = built.one("keyvault:Secret").inputs["properties"]
    assert json.loads(_opened(secret, "value")) == {"2026-11": KEY_BYTES}
    group: Any = built.one("monitor:ActionGroup").inputs
    assert PAGER in json.dumps(built.one("monitor:ActionGroup").plain())
    assert any(isinstance(value, Secret) for _, value in leaves(group))


def test_without_a_pager_only_mails_are_sent() -> None:
    without = {name: value for name, value in SECRET_VALUES.items() if "pager" not in name}

    group = build("dev", secrets=without).one("monitor:ActionGroup").inputs
    assert group["webhookReceivers"] == []
    assert [each["emailAddress"] for each in group["emailReceivers"]] == ["platform@example.com"]


@pytest.mark.parametrize("name", EVERY)
def test_an_apps_settings_hold_references_and_addresses(name: str) -> None:
    built = made(name)

    for app in (*built.of("web:WebApp"), *built.of("web:WebAppSlot")):
        for setting in app.inputs["siteConfig"]["appSettings"]:
            sounds = any(word in setting["name"].upper() for word in SUSPICIOUS)
            assert not sounds or setting["name"] in HARMLESS or _refers(setting["value"]), setting["name"]
            assert isinstance(setting["value"], str), setting["name"]
    settings = {
        each["name"]: each["value"]
        for each in built.one("web:WebApp", "app").inputs["siteConfig"]["appSettings"]
    }
    assert settings["KOPITRA_TOKEN_KEYS"].startswith("@Microsoft.KeyVault(VaultName=kopitra-kv-")
    assert settings["KOPITRA_TOKEN_KEY_ID"] == "2026-11"


def _refers(value: str) -> bool:
    return value.startswith(("@Microsoft.KeyVault(", "https://")) or value == "managedidentity"


def _opened(values: Any, key: str) -> str:
    """A value within something secret, or itself secret."""
    if isinstance(values, Secret):
        return values.value[key]
    assert isinstance(values[key], Secret)
    return values[key].value


def test_the_program_asks_azure_for_no_token_so_that_whoever_may_only_read_can_preview_the_console() -> None:
    """The stand-in for the engine answers no call of the program."""
    previewed = build("dev", changed("dev", console={"enabled": True}), preview=True)

    assert previewed.one("web:StaticSite")
