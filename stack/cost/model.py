"""From resources to dollars a month: pure. A kind of resource that is in neither table has no price, and says so."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from stack.cost.capture import Resource
from stack.cost.prices import Price, PriceMissing, price_of
from stack.cost.quiet import HOURS_A_MONTH, Quiet

AZURE = "azure-native"
STANDARD_OPERATIONS_INCLUDED = 13
"""Millions a month in the base price of Service Bus Standard."""
LEAST_BILLED_VCORES = Decimal("0.7")
"""Half a vCore comes with 2 GB of memory, and 3 GB count as a vCore: what is dearer is billed (SQL serverless)."""
LOG_SPACE = Decimal("1.3")
"""The data's largest size is billed whether used or not, and 30 % for the log with it."""
NEVER_PAUSES = -1
FREE_VCORE_SECONDS = 100_000
MINIMUM_EXECUTION_SECONDS = 1
"""What Flex Consumption bills of a shorter execution."""
MEGABYTES_A_GB = 1024
GIBIBYTE = 1024**3
DAYS_A_MONTH = Decimal(HOURS_A_MONTH) / 24
RETENTION_INCLUDED_DAYS = 31
MILLION = Decimal(1_000_000)
TEN_THOUSAND = Decimal(10_000)


class ResourceUnpriced(Exception):
    """A resource of a kind, or in a tier, that nobody knows the price of: `kind "name": what is missing`."""


@dataclass(frozen=True)
class Line:
    """One meter of one resource. `note`: what the quantity is."""

    resource: str
    kind: str
    price: Price
    quantity: Decimal
    note: str

    @property
    def usd(self) -> Decimal:
        """A month."""
        return self.quantity * self.price.usd


Meter = tuple[str, str, Decimal | int, str]
"""Service and SKU as in the price table, quantity in its unit, and what that is."""
Rule = Callable[[Mapping[str, Any], Quiet], Iterator[Meter]]

FREE: Mapping[str, str] = {
    "resources:ResourceGroup": "a name",
    "resources:Deployment": "a template that is carried out",
    "applicationinsights:Component": "what it takes in is billed by the workspace",
    "applicationinsights:Workbook": "a saved view",
    "storage:BlobContainer": "billed with its account",
    "storage:BlobServiceProperties": "billed with its account",
    "storage:BlobContainerImmutabilityPolicy": "billed with its account",
    "storage:ManagementPolicy": "billed with its account",
    "storage:Table": "billed with its account",
    "servicebus:Queue": "billed with its namespace",
    "keyvault:Key": "software-protected: its operations only, with the vault's",
    "keyvault:Secret": "its operations only, with the vault's",
    "appconfiguration:KeyValue": "billed with its store",
    "sql:Server": "billed by its databases",
    "sql:FirewallRule": "a rule",
    "web:WebAppSlot": "billed by its plan",
    "web:WebAppSlotConfigurationNames": "a setting",
    "web:WebAppDiagnosticLogsConfiguration": "a setting: files of the app's own",
    "web:WebAppDiagnosticLogsConfigurationSlot": "a setting: files of the slot's own",
    "web:WebAppFtpAllowed": "a setting",
    "web:WebAppScmAllowed": "a setting",
    "web:WebAppFtpAllowedSlot": "a setting",
    "web:WebAppScmAllowedSlot": "a setting",
    "web:WebAppHostNameBinding": "a setting",
    "web:Certificate": "App Service's own certificates cost nothing",
    "web:StaticSiteCustomDomain": "a setting",
    "authorization:RoleAssignment": "a grant",
    "authorization:ManagementLockByScope": "a lock",
    "monitor:ActionGroup": "1,000 mails and 100,000 calls a month are included",
    "monitor:DiagnosticSetting": "what it sends is billed by the workspace",
    "consumption:Budget": "a limit",
    "costmanagement:ScheduledActionByScope": "a mail",
}
"""Kinds that cost nothing by themselves → why."""


def cost_of(resources: Sequence[Resource], quiet: Quiet) -> tuple[Line, ...]:
    """Every line of a month, in the order of the resources. Raises ResourceUnpriced."""
    return tuple(line for each in resources if each.provider == AZURE for line in _lines_of(each, quiet))


def total(lines: Sequence[Line]) -> Decimal:
    return sum((line.usd for line in lines), Decimal(0))


def _lines_of(resource: Resource, quiet: Quiet) -> Iterator[Line]:
    if resource.kind in FREE:
        return
    if resource.kind not in RULES:
        raise ResourceUnpriced(f'{resource.kind} "{resource.name}": no rule says what it costs')
    try:
        for service, sku, quantity, note in RULES[resource.kind](resource.inputs, quiet):
            price = price_of(service, sku)
            yield Line(resource.name, resource.kind, price, Decimal(quantity), note)
    except PriceMissing as missing:
        raise ResourceUnpriced(f'{resource.kind} "{resource.name}": no price for {missing}') from None


def _plan(inputs: Mapping[str, Any], quiet: Quiet) -> Iterator[Meter]:
    if inputs["sku"]["name"] == "FC1":
        return  # billed by what its app runs
    capacity = int(inputs["sku"].get("capacity", 1))
    yield "App Service", inputs["sku"]["name"], capacity, "instances round the clock"


def _app(inputs: Mapping[str, Any], quiet: Quiet) -> Iterator[Meter]:
    """Only Flex Consumption bills an app by itself."""
    flex = inputs.get("functionAppConfig")
    if flex is None:
        return
    memory = Decimal(int(flex["scaleAndConcurrency"]["instanceMemoryMB"])) / MEGABYTES_A_GB
    seconds = quiet.executions * MINIMUM_EXECUTION_SECONDS
    yield "Functions", "FC1 memory", memory * seconds, f"{quiet.executions:,} executions of a second"
    yield "Functions", "FC1 executions", quiet.executions / MILLION, "timers, messages, operators"


def _database(inputs: Mapping[str, Any], quiet: Quiet) -> Iterator[Meter]:
    storage = Decimal(int(inputs["maxSizeBytes"])) / GIBIBYTE * LOG_SPACE
    if inputs.get("useFreeLimit"):
        yield "SQL", inputs["sku"]["name"], 0, _free_hours(quiet)
        return
    hours = Decimal(HOURS_A_MONTH) if inputs["autoPauseDelay"] == NEVER_PAUSES else quiet.sql_awake_hours
    vcores = max(Decimal(str(inputs["minCapacity"])), LEAST_BILLED_VCORES)
    yield "SQL", inputs["sku"]["name"], hours * vcores, f"awake {hours} h at {vcores} vCore"
    yield "SQL", "General Purpose storage", storage, "the largest size, with its log"


def _free_hours(quiet: Quiet) -> str:
    free = Decimal(FREE_VCORE_SECONDS) / LEAST_BILLED_VCORES / 3600
    return f"free for {free:.1f} h awake, then paused until the next month; quiet: {quiet.sql_awake_hours} h"


def _namespace(inputs: Mapping[str, Any], quiet: Quiet) -> Iterator[Meter]:
    tier, millions = inputs["sku"]["name"], quiet.bus_operations / MILLION
    if tier == "Standard":
        yield "Service Bus", "Standard", 1, "base price"
        millions = max(millions - STANDARD_OPERATIONS_INCLUDED, Decimal(0))
    yield "Service Bus", f"{tier} operations", millions, "sends, receives, completions, empty receives"


def _account(inputs: Mapping[str, Any], quiet: Quiet) -> Iterator[Meter]:
    sku = inputs["sku"]["name"]
    writes = quiet.timer_runs + quiet.snapshots
    yield "Tables", sku, quiet.journal_gb, "journal"
    commits = quiet.messages * 2
    yield "Tables", "operations", (quiet.fence_checks + commits) / TEN_THOUSAND, "fence checks, commits"
    yield "Blobs", sku, quiet.blobs_gb, "snapshots, segments, reports, packages"
    yield "Blobs", f"{sku} writes", writes / TEN_THOUSAND, "snapshots, the host's record of its timers"
    reads = quiet.host_leases + quiet.timer_runs
    yield "Blobs", "reads and leases", reads / TEN_THOUSAND, "the Functions host's locks"


def _workspace(inputs: Mapping[str, Any], quiet: Quiet) -> Iterator[Meter]:
    cap = Decimal(str(inputs["workspaceCapping"]["dailyQuotaGb"])) * DAYS_A_MONTH
    taken = min(quiet.logs_gb, cap)
    yield "Log Analytics", inputs["sku"]["name"], taken, f"figures and log lines; capped at {cap:.1f} GB"
    beyond = max(Decimal(int(inputs["retentionInDays"])) - RETENTION_INCLUDED_DAYS, Decimal(0))
    if beyond:
        kept = taken * beyond / DAYS_A_MONTH
        yield "Log Analytics", "retention beyond 31 days", kept, f"{beyond} days longer"


def _log_alert(inputs: Mapping[str, Any], quiet: Quiet) -> Iterator[Meter]:
    minutes = _minutes(str(inputs["evaluationFrequency"]))
    slow = "logs every 15 minutes or less often"
    fast = "logs every minute" if minutes == 1 else f"logs every {minutes} minutes"
    yield "Alerts", slow if minutes >= 15 else fast, 1, f"looks every {minutes} minutes"


def _minutes(duration: str) -> int:
    """Of `PT15M`, `PT1H` or `P1D`."""
    number = int(duration.strip("PTMHD"))
    return number * {"M": 1, "H": 60, "D": 1440}[duration[-1]]


def _flat(service: str, note: str) -> Rule:
    """One price a month by the SKU's name."""

    def rule(inputs: Mapping[str, Any], quiet: Quiet) -> Iterator[Meter]:
        yield service, inputs["sku"]["name"], 1, note

    return rule


def _vault(inputs: Mapping[str, Any], quiet: Quiet) -> Iterator[Meter]:
    yield "Key Vault", "operations", quiet.vault_operations / TEN_THOUSAND, "references, key wrapping"


def _metric_alert(inputs: Mapping[str, Any], quiet: Quiet) -> Iterator[Meter]:
    yield "Alerts", "metric", len(inputs["criteria"]["allOf"]), "one series"


RULES: Mapping[str, Rule] = {
    "web:AppServicePlan": _plan,
    "web:WebApp": _app,
    "web:StaticSite": _flat("Static Web Apps", "the console"),
    "sql:Database": _database,
    "servicebus:Namespace": _namespace,
    "storage:StorageAccount": _account,
    "keyvault:Vault": _vault,
    "appconfiguration:ConfigurationStore": _flat("App Configuration", "feature flags"),
    "operationalinsights:Workspace": _workspace,
    "monitor:MetricAlert": _metric_alert,
    "monitor:ScheduledQueryRule": _log_alert,
}
"""Kinds that cost something → how much of what."""
