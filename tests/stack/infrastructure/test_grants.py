"""The exact table of who may do what: one more line here is a decision."""

import re

import pytest

from stack.components.access import BUILT_IN
from tests.stack.environments import Built, environment, with_slots

COUNTERPARTY = {
    ("Storage Table Data Contributor", "storageAccounts"),
    ("Storage Blob Data Contributor", "storageAccounts/blobServices/containers/counterparty"),
    ("Storage Blob Data Contributor", "storageAccounts/blobServices/containers/audit"),
    ("Azure Service Bus Data Sender", "namespaces/queues/trade-agent-events"),
    ("Azure Service Bus Data Receiver", "namespaces/queues/trade-agent-commands"),
    ("Azure Service Bus Data Sender", "namespaces/queues/trade-agent-commands"),
    ("Key Vault Secrets User", "vaults/secrets/token-keys"),
    ("App Configuration Data Reader", "configurationStores"),
    ("Monitoring Metrics Publisher", "components"),
}
QUEUES = ("trade-agent-events", "trade-agent-commands", "trade-agent-history", "management-tasks")
FUNCTIONS = {
    ("Storage Blob Data Owner", "storageAccounts"),
    ("Storage Queue Data Contributor", "storageAccounts"),
    ("Storage Table Data Contributor", "storageAccounts"),
    *(("Azure Service Bus Data Receiver", f"namespaces/queues/{queue}") for queue in QUEUES),
    *(("Azure Service Bus Data Sender", f"namespaces/queues/{queue}") for queue in QUEUES),
    ("Key Vault Crypto Service Encryption User", "vaults/keys/broker-credentials"),
    ("App Configuration Data Reader", "configurationStores"),
    ("Monitoring Metrics Publisher", "components"),
}
"""Role → what it is for, as types of Azure's; the last name only where it tells siblings apart."""
ROLES = {identifier: role for role, identifier in BUILT_IN.items()}


def granted(built: Built, principal: str) -> set[tuple[str, str]]:
    return {
        (ROLES[each.inputs["roleDefinitionId"].rsplit("/", 1)[1]], _within(each.inputs["scope"]))
        for each in built.of("authorization:RoleAssignment")
        if each.inputs["principalId"] == principal
    }


def _within(scope: str) -> str:
    """`…/providers/Microsoft.X/types/name/subtypes/subname` → `types/subtypes/subname`."""
    path = scope.rsplit("/providers/", 1)[1].split("/")[1:]
    types, last = path[::2], path[-1]
    return "/".join(types) if len(types) == 1 else "/".join([*types, last])


def app_name(built: Built, name: str) -> str:
    return f"principal-of-{built.one('web:WebApp', name).inputs['name']}"


@pytest.mark.parametrize("name", ["dev", "staging", "prod"])
def test_each_app_may_do_exactly_what_its_work_needs(name: str) -> None:
    built = environment(name)

    assert granted(built, app_name(built, "app")) == COUNTERPARTY
    assert granted(built, app_name(built, "functions-app")) == FUNCTIONS
    assert len(built.of("authorization:RoleAssignment")) == len(COUNTERPARTY) + len(FUNCTIONS)


def test_a_slot_may_do_what_it_will_do_once_it_is_swapped_in() -> None:
    built = with_slots()

    assert granted(built, f"{app_name(built, 'app')}-staging") == COUNTERPARTY


def test_every_grant_is_to_a_managed_identity_and_within_the_environment() -> None:
    for each in with_slots().of("authorization:RoleAssignment"):
        assert each.inputs["principalType"] == "ServicePrincipal"
        assert "/resourceGroups/kopitra-resource-group-prod/providers/" in each.inputs["scope"]


def test_a_grants_name_is_its_own_and_the_same_each_time() -> None:
    names = [each.inputs["roleAssignmentName"] for each in with_slots().of("authorization:RoleAssignment")]
    again = {
        each.inputs["roleAssignmentName"] for each in environment("prod").of("authorization:RoleAssignment")
    }

    assert len(set(names)) == len(names)
    assert again <= set(names)
    assert all(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", name) for name in names)


def test_every_known_role_is_used() -> None:
    used = {role for role, _ in COUNTERPARTY | FUNCTIONS}

    assert used == set(BUILT_IN)
