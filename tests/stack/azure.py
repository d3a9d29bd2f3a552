"""What Azure gives a resource: its id, and the outputs that the program reads.

`PLACES` says where each kind of resource lives, by the inputs that name it: these are parts of its address and no
part of what is sent.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
"""That of the environments' files as they are handed out."""


@dataclass(frozen=True)
class Place:
    """`steps`: type → the input with its name; a name in quotes is always the same. `scope`: the input with the id of
    what it belongs to, else it is in a resource group."""

    provider: str
    steps: tuple[tuple[str, str], ...]
    scope: str | None = None

    @property
    def parameters(self) -> frozenset[str]:
        names = {name for _, name in self.steps if not name.startswith("'")}
        return frozenset({*names, self.scope or "resourceGroupName"})


def _site(*more: tuple[str, str]) -> Place:
    return Place("Microsoft.Web", (("sites", "name"), *more))


def _slot(*more: tuple[str, str]) -> Place:
    return _site(("slots", "slot"), *more)


def _account(*more: tuple[str, str]) -> Place:
    return Place("Microsoft.Storage", (("storageAccounts", "accountName"), *more))


BLOBS = ("blobServices", "'default'")
POLICIES = "basicPublishingCredentialsPolicies"
PLACES: Mapping[str, Place] = {
    "resources:ResourceGroup": Place("Microsoft.Resources", (("resourceGroups", "resourceGroupName"),)),
    "resources:Deployment": Place("Microsoft.Resources", (("deployments", "deploymentName"),)),
    "operationalinsights:Workspace": Place(
        "Microsoft.OperationalInsights", (("workspaces", "workspaceName"),)
    ),
    "applicationinsights:Component": Place("Microsoft.Insights", (("components", "resourceName"),)),
    "applicationinsights:Workbook": Place("Microsoft.Insights", (("workbooks", "resourceName"),)),
    "storage:StorageAccount": _account(),
    "storage:BlobContainer": _account(BLOBS, ("containers", "containerName")),
    "storage:BlobServiceProperties": _account(("blobServices", "blobServicesName")),
    "storage:BlobContainerImmutabilityPolicy": _account(
        BLOBS, ("containers", "containerName"), ("immutabilityPolicies", "immutabilityPolicyName")
    ),
    "storage:ManagementPolicy": _account(("managementPolicies", "managementPolicyName")),
    "storage:Table": _account(("tableServices", "'default'"), ("tables", "tableName")),
    "servicebus:Namespace": Place("Microsoft.ServiceBus", (("namespaces", "namespaceName"),)),
    "servicebus:Queue": Place(
        "Microsoft.ServiceBus", (("namespaces", "namespaceName"), ("queues", "queueName"))
    ),
    "keyvault:Vault": Place("Microsoft.KeyVault", (("vaults", "vaultName"),)),
    "keyvault:Key": Place("Microsoft.KeyVault", (("vaults", "vaultName"), ("keys", "keyName"))),
    "keyvault:Secret": Place("Microsoft.KeyVault", (("vaults", "vaultName"), ("secrets", "secretName"))),
    "appconfiguration:ConfigurationStore": Place(
        "Microsoft.AppConfiguration", (("configurationStores", "configStoreName"),)
    ),
    "appconfiguration:KeyValue": Place(
        "Microsoft.AppConfiguration",
        (("configurationStores", "configStoreName"), ("keyValues", "keyValueName")),
    ),
    "sql:Server": Place("Microsoft.Sql", (("servers", "serverName"),)),
    "sql:Database": Place("Microsoft.Sql", (("servers", "serverName"), ("databases", "databaseName"))),
    "sql:FirewallRule": Place(
        "Microsoft.Sql", (("servers", "serverName"), ("firewallRules", "firewallRuleName"))
    ),
    "web:AppServicePlan": Place("Microsoft.Web", (("serverfarms", "name"),)),
    "web:WebApp": _site(),
    "web:WebAppSlot": _slot(),
    "web:WebAppSlotConfigurationNames": _site(("config", "'slotConfigNames'")),
    "web:WebAppDiagnosticLogsConfiguration": _site(("config", "'logs'")),
    "web:WebAppDiagnosticLogsConfigurationSlot": _slot(("config", "'logs'")),
    "web:WebAppFtpAllowed": _site((POLICIES, "'ftp'")),
    "web:WebAppScmAllowed": _site((POLICIES, "'scm'")),
    "web:WebAppFtpAllowedSlot": _slot((POLICIES, "'ftp'")),
    "web:WebAppScmAllowedSlot": _slot((POLICIES, "'scm'")),
    "web:WebAppHostNameBinding": _site(("hostNameBindings", "hostName")),
    "web:Certificate": Place("Microsoft.Web", (("certificates", "name"),)),
    "web:StaticSite": Place("Microsoft.Web", (("staticSites", "name"),)),
    "web:StaticSiteCustomDomain": Place(
        "Microsoft.Web", (("staticSites", "name"), ("customDomains", "domainName"))
    ),
    "authorization:RoleAssignment": Place(
        "Microsoft.Authorization", (("roleAssignments", "roleAssignmentName"),), scope="scope"
    ),
    "authorization:ManagementLockByScope": Place(
        "Microsoft.Authorization", (("locks", "lockName"),), scope="scope"
    ),
    "monitor:ActionGroup": Place("Microsoft.Insights", (("actionGroups", "actionGroupName"),)),
    "monitor:MetricAlert": Place("Microsoft.Insights", (("metricAlerts", "ruleName"),)),
    "monitor:ScheduledQueryRule": Place("Microsoft.Insights", (("scheduledQueryRules", "ruleName"),)),
    "monitor:DiagnosticSetting": Place(
        "Microsoft.Insights", (("diagnosticSettings", "name"),), scope="resourceUri"
    ),
    "consumption:Budget": Place("Microsoft.Consumption", (("budgets", "budgetName"),), scope="scope"),
    "costmanagement:ScheduledActionByScope": Place(
        "Microsoft.CostManagement", (("scheduledActions", "name"),), scope="scope"
    ),
}
"""Kind of resource → its place. A kind that is not here fails the tests: its address is part of what they check."""


def id_of(type_: str, name: str, inputs: Mapping[str, Any]) -> str:
    """Azure's id; components of Pulumi's have none of Azure's."""
    if not type_.startswith("azure-native:"):
        return f"component/{name}"
    place = PLACES[type_.removeprefix("azure-native:")]
    path = "".join(f"/{step}/{named(inputs, key)}" for step, key in place.steps)
    if type_ == "azure-native:resources:ResourceGroup":
        return f"/subscriptions/{SUBSCRIPTION}{path}"
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{inputs.get('resourceGroupName')}"
    base = inputs[place.scope] if place.scope is not None else group
    return f"{base}/providers/{place.provider}{path}"


def named(inputs: Mapping[str, Any], key: str) -> str:
    return key.strip("'") if key.startswith("'") else inputs[key]


def outputs_of(type_: str, name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    kind = type_.removeprefix("azure-native:")
    if kind not in PLACES:
        return {}
    own = named(inputs, PLACES[kind].steps[-1][1])
    return {"name": own, **OUTPUTS.get(kind, _nothing)(own, inputs)}


def _nothing(name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {}


def _app(name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    slot = f"-{inputs['slot']}" if "slot" in inputs else ""
    return {
        "identity": {"principalId": f"principal-of-{inputs['name']}{slot}", "type": "SystemAssigned"},
        "defaultHostName": f"{inputs['name']}{slot}.azurewebsites.net",
    }


def _secret(name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Never its value. Another value is another version."""
    uri = f"https://{inputs['vaultName']}.vault.azure.net/secrets/{name}"
    version = sha256(inputs["properties"]["value"].encode()).hexdigest()[:32]
    return {"properties": {"secretUri": uri, "secretUriWithVersion": f"{uri}/{version}"}}


OUTPUTS: Mapping[str, Callable[[str, Mapping[str, Any]], dict[str, Any]]] = {
    "storage:StorageAccount": lambda name, inputs: {
        "primaryEndpoints": {
            "table": f"https://{name}.table.core.windows.net/",
            "blob": f"https://{name}.blob.core.windows.net/",
        }
    },
    "web:WebApp": _app,
    "web:WebAppSlot": _app,
    "web:StaticSite": lambda name, inputs: {"defaultHostname": f"{name}.azurestaticapps.net"},
    "web:Certificate": lambda name, inputs: {"thumbprint": "0" * 40},
    "sql:Server": lambda name, inputs: {"fullyQualifiedDomainName": f"{name}.database.windows.net"},
    "appconfiguration:ConfigurationStore": lambda name, inputs: {"endpoint": f"https://{name}.azconfig.io"},
    "applicationinsights:Component": lambda name, inputs: {
        "connectionString": "InstrumentationKey=00000000-0000-4000-8000-00000000000a"
    },
    "keyvault:Secret": _secret,
    "keyvault:Key": lambda name, inputs: {
        "keyUri": f"https://{inputs['vaultName']}.vault.azure.net/keys/{name}"
    },
}
