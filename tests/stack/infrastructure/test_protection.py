"""What holds state is not deleted by mistake."""

import pytest

from tests.stack.environments import build, changed, environment, with_slots

STATEFUL = {
    "resources:ResourceGroup",
    "storage:StorageAccount",
    "storage:BlobContainer",
    "storage:Table",
    "servicebus:Namespace",
    "servicebus:Queue",
    "keyvault:Vault",
    "keyvault:Key",
    "sql:Server",
    "sql:Database",
}
LOCKED = {"storage:StorageAccount", "servicebus:Namespace", "keyvault:Vault", "sql:Database"}
"""Whatever else is stateful lies within one of these."""


@pytest.mark.parametrize("stateful", sorted(STATEFUL))
def test_pulumi_refuses_to_delete_what_holds_productions_state(stateful: str) -> None:
    found = with_slots().of(stateful)

    assert found
    assert all(each.protect for each in found)


def test_nothing_else_is_protected_since_it_must_be_replaceable() -> None:
    assert {each.kind for each in with_slots().azure if each.protect} == STATEFUL


def test_azure_refuses_to_delete_it_too() -> None:
    built = environment("prod")
    locks = built.of("authorization:ManagementLockByScope")

    assert {lock.inputs["level"] for lock in locks} == {"CanNotDelete"}
    scopes = {lock.inputs["scope"] for lock in locks}
    ids = {each.kind: built.stack for each in built.azure if each.kind in LOCKED}
    assert len(scopes) == len(LOCKED) == len(ids)
    for place in ("storageAccounts/", "Microsoft.ServiceBus/namespaces/", "vaults/", "/databases/"):
        assert sum(place in scope for scope in scopes) == 1


def test_no_lock_keeps_the_deployer_from_closing_the_databases_firewall_again() -> None:
    scopes = [lock.inputs["scope"] for lock in environment("prod").of("authorization:ManagementLockByScope")]

    assert not [scope for scope in scopes if scope.endswith("-prod") and "/providers/" not in scope]
    assert not [scope for scope in scopes if "/servers/" in scope and "/databases/" not in scope]


@pytest.mark.parametrize("name", ["dev", "staging"])
def test_what_is_for_trying_out_can_be_taken_down(name: str) -> None:
    built = environment(name)

    assert not [each.name for each in built.azure if each.protect]
    assert not built.of("authorization:ManagementLockByScope")


def test_another_environment_can_be_protected_by_a_setting() -> None:
    built = build("staging", changed("staging", protected=True))

    assert built.one("sql:Database").protect
    assert built.of("authorization:ManagementLockByScope")


def test_productions_vault_can_not_be_purged_and_its_audit_bundles_not_be_changed() -> None:
    built = environment("prod")

    assert built.one("keyvault:Vault").inputs["properties"]["enablePurgeProtection"] is True
    policy = built.one("storage:BlobContainerImmutabilityPolicy").inputs
    assert policy["containerName"] == "audit"
    assert policy["immutabilityPeriodSinceCreationInDays"] == 1827


@pytest.mark.parametrize("name", ["dev", "staging", "prod"])
def test_the_immutable_container_is_where_segments_go_and_nothing_else(name: str) -> None:
    for app, prefix in (("app", "KOPITRA_"), ("functions-app", "KOPITRA_FUNCTIONS_")):
        site = environment(name).one("web:WebApp", app).inputs["siteConfig"]
        settings = {each["name"]: each["value"] for each in site["appSettings"]}
        assert settings[f"{prefix}SEGMENT_CONTAINER"] == "audit"
        assert settings[f"{prefix}BLOB_CONTAINER"] != "audit"


@pytest.mark.parametrize("name", ["dev", "staging", "prod"])
def test_no_rule_deletes_a_blob_or_archives_what_an_app_reads_back(name: str) -> None:
    rules = environment(name).one("storage:ManagementPolicy").inputs["policy"]["rules"]
    actions = {
        prefix: set(action)
        for rule in rules
        for prefix in rule["definition"]["filters"]["prefixMatch"]
        for action in [rule["definition"]["actions"]["baseBlob"]]
        if "tierToArchive" in action
    }
    done = {action for rule in rules for action in rule["definition"]["actions"]["baseBlob"]}

    assert actions.keys() == {"management/"}
    assert done == {"tierToCool", "tierToArchive"}
    assert all(rule["definition"]["actions"].keys() == {"baseBlob"} for rule in rules)


@pytest.mark.parametrize("name", ["dev", "staging"])
def test_the_property_is_left_out_elsewhere_since_azure_refuses_a_false(name: str) -> None:
    built = environment(name)

    assert "enablePurgeProtection" not in built.one("keyvault:Vault").inputs["properties"]
    assert not built.of("storage:BlobContainerImmutabilityPolicy")


@pytest.mark.parametrize("name", ["dev", "staging", "prod"])
def test_deleted_blobs_can_be_brought_back(name: str) -> None:
    kept = environment(name).one("storage:BlobServiceProperties").inputs

    assert kept["deleteRetentionPolicy"]["enabled"] is True
    assert kept["containerDeleteRetentionPolicy"]["days"] >= 7
