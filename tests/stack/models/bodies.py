"""Which model each kind of resource is compared with."""

from collections.abc import Mapping

WEB = "azure.mgmt.web.models"
STORAGE = "azure.mgmt.storage.models"
KEYVAULT = "azure.mgmt.keyvault.models"
MONITOR = "azure.mgmt.monitor.models"
INSIGHTS = "azure.mgmt.applicationinsights"
PASSWORDS = f"{WEB}:CsmPublishingCredentialsPoliciesEntity"

BODIES: Mapping[str, str] = {
    "resources:ResourceGroup": "azure.mgmt.resource.resources.models:ResourceGroup",
    "resources:Deployment": "azure.mgmt.resource.deployments.models:Deployment",
    "operationalinsights:Workspace": "azure.mgmt.loganalytics.models:Workspace",
    "applicationinsights:Component": f"{INSIGHTS}.v2020_02_02.models:ApplicationInsightsComponent",
    "applicationinsights:Workbook": f"{INSIGHTS}.v2023_06_01.models:Workbook",
    "storage:StorageAccount": f"{STORAGE}:StorageAccountCreateParameters",
    "storage:BlobContainer": f"{STORAGE}:BlobContainer",
    "storage:BlobServiceProperties": f"{STORAGE}:BlobServiceProperties",
    "storage:BlobContainerImmutabilityPolicy": f"{STORAGE}:ImmutabilityPolicy",
    "storage:ManagementPolicy": f"{STORAGE}:ManagementPolicy",
    "storage:Table": f"{STORAGE}:Table",
    "servicebus:Namespace": "azure.mgmt.servicebus.models:SBNamespace",
    "servicebus:Queue": "azure.mgmt.servicebus.models:SBQueue",
    "keyvault:Vault": f"{KEYVAULT}:VaultCreateOrUpdateParameters",
    "keyvault:Key": f"{KEYVAULT}:KeyCreateParameters",
    "keyvault:Secret": f"{KEYVAULT}:SecretCreateOrUpdateParameters",
    "appconfiguration:ConfigurationStore": "azure.mgmt.appconfiguration.models:ConfigurationStore",
    "appconfiguration:KeyValue": "azure.mgmt.appconfiguration.models:KeyValue",
    "sql:Server": "azure.mgmt.sql.models:Server",
    "sql:Database": "azure.mgmt.sql.models:Database",
    "sql:FirewallRule": "azure.mgmt.sql.models:FirewallRule",
    "web:AppServicePlan": f"{WEB}:AppServicePlan",
    "web:WebApp": f"{WEB}:Site",
    "web:WebAppSlot": f"{WEB}:Site",
    "web:WebAppSlotConfigurationNames": f"{WEB}:SlotConfigNamesResource",
    "web:WebAppDiagnosticLogsConfiguration": f"{WEB}:SiteLogsConfig",
    "web:WebAppDiagnosticLogsConfigurationSlot": f"{WEB}:SiteLogsConfig",
    "web:WebAppFtpAllowed": PASSWORDS,
    "web:WebAppScmAllowed": PASSWORDS,
    "web:WebAppFtpAllowedSlot": PASSWORDS,
    "web:WebAppScmAllowedSlot": PASSWORDS,
    "web:WebAppHostNameBinding": f"{WEB}:HostNameBinding",
    "web:Certificate": f"{WEB}:Certificate",
    "web:StaticSite": f"{WEB}:StaticSiteARMResource",
    "web:StaticSiteCustomDomain": f"{WEB}:StaticSiteCustomDomainRequestPropertiesARMResource",
    "authorization:RoleAssignment": "azure.mgmt.authorization.v2022_04_01.models:RoleAssignmentCreateParameters",
    "authorization:ManagementLockByScope": "azure.mgmt.resource.locks.models:ManagementLockObject",
    "monitor:ActionGroup": f"{MONITOR}:ActionGroupResource",
    "monitor:MetricAlert": f"{MONITOR}:MetricAlertResource",
    "monitor:ScheduledQueryRule": f"{MONITOR}:ScheduledQueryRuleResource",
    "consumption:Budget": "azure.mgmt.consumption.models:Budget",
    "costmanagement:ScheduledActionByScope": "azure.mgmt.costmanagement.models:ScheduledAction",
}

BY_HAND: Mapping[str, tuple[str, str]] = {
    "monitor:DiagnosticSetting": (
        "tests.stack.models.by_hand:DiagnosticSettings",
        'azure-mgmt-monitor 7 has it no longer; learn.microsoft.com, "diagnosticSettings 2021-05-01-preview"',
    ),
}
"""Kinds that no package has a model of → one of ours, and what it was written from."""
