"""What `Pulumi.<env>.yaml` says below `kopitra:`, by topic. Sizes, durations and money say their unit in the name."""

from datetime import date
from enum import StrEnum
from ipaddress import IPv4Address
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

Guid = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Email = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
Host = Annotated[str, Field(pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$")]
Month = Annotated[str, Field(pattern=r"^20[2-9][0-9]-(0[1-9]|1[0-2])$")]
Tag = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^<>%&\\?/]+$")]

TIERS_WITH_SLOTS = frozenset({"S1", "S2", "S3", "P0v3", "P1v3", "P2v3"})
"""Deployment slots need Standard or Premium v3 (App Service limits)."""
LEAST_AUTO_PAUSE_MINUTES = 15
LONGEST_QUEUE_DAYS = 14
"""Service Bus Basic keeps a message no longer."""


class Environment(StrEnum):
    DEV = "dev"
    STAGING = "staging"
    PROD = "prod"


class Topic(BaseModel):
    """A setting that is misspelt is refused: it would otherwise be silently the default."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class CounterpartySettings(Topic):
    plan: Literal["B1", "B2", "B3", "S1", "S2", "S3", "P0v3", "P1v3", "P2v3"] = "B1"
    custom_domain: Host | None = None
    warm_up_seconds: Annotated[int, Field(ge=30, le=1800)] = 600
    """How long a new version may take until it is healthy, its wait for the old one's lease included."""

    @property
    def has_slots(self) -> bool:
        return self.plan in TIERS_WITH_SLOTS


class FunctionsSettings(Topic):
    instance_memory_mb: Literal[512, 2048, 4096] = 512
    most_instances: Annotated[int, Field(ge=1, le=1000)] = 40
    """Flex Consumption's `maximumInstanceCount`; 40 was its least until 2026."""


class DeveloperAddress(Topic):
    """A person's or office's address that the SQL firewall lets in."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,62}$")]
    address: IPv4Address

    @model_validator(mode="after")
    def _is_somebodys(self) -> Self:
        if self.address.is_unspecified:
            raise ValueError("0.0.0.0 would let all of Azure in")
        return self


class SqlSettings(Topic):
    least_vcores: Literal["0.5", "0.75", "1", "1.25", "1.5", "1.75", "2"] = "0.5"
    most_vcores: Literal[1, 2, 4, 6, 8] = 1
    auto_pause_minutes: Annotated[int, Field(ge=LEAST_AUTO_PAUSE_MINUTES, le=10080)] | Literal[-1] = 15
    """-1: never."""
    free_offer: bool = False
    """100,000 vCore seconds a month for nothing; then it pauses until the next month."""
    largest_gb: Annotated[int, Field(ge=1, le=1024)] = 32
    admin_login: Annotated[str, Field(min_length=1, max_length=128)]
    """Display name of the Entra group or user that administers the server."""
    admin_object_id: Guid
    developer_addresses: tuple[DeveloperAddress, ...] = ()
    drain_messages: Annotated[int, Field(ge=1)] = 5000
    drain_minutes: Annotated[int, Field(ge=1, le=1440)] = 1440
    """History is written when so many messages wait, or one so long: SQL may sleep meanwhile."""


class StorageSettings(Topic):
    redundancy: Literal["Standard_LRS", "Standard_ZRS", "Standard_GRS"] = "Standard_LRS"
    cool_after_days: Annotated[int, Field(ge=1, le=3650)] = 30
    archive_after_days: Annotated[int, Field(ge=1, le=3650)] = 180
    """What nobody reads back; a rebuild reads segments of any age."""
    soft_delete_days: Annotated[int, Field(ge=1, le=365)] = 14
    audit_immutable_days: Annotated[int, Field(ge=0, le=146000)] = 0
    """For so long can no sealed segment be changed or deleted; 0: no immutability policy."""

    @model_validator(mode="after")
    def _cool_before_archive(self) -> Self:
        if self.archive_after_days <= self.cool_after_days:
            raise ValueError("archiveAfterDays must be more than coolAfterDays")
        return self


class BusSettings(Topic):
    tier: Literal["Basic", "Standard"] = "Basic"
    sessions: bool = False
    duplicate_detection: bool = False
    time_to_live_days: Annotated[int, Field(ge=1, le=LONGEST_QUEUE_DAYS)] = 14

    @model_validator(mode="after")
    def _basic_has_neither(self) -> Self:
        if self.tier == "Basic" and (self.sessions or self.duplicate_detection):
            raise ValueError("sessions and duplicateDetection need the tier Standard")
        return self


class ConsoleSettings(Topic):
    enabled: bool = False
    tier: Literal["Free", "Standard"] = "Free"
    location: str = "westeurope"
    """Static Web Apps exist in few regions; the content is global."""
    custom_domain: Host | None = None


class VaultSettings(Topic):
    soft_delete_days: Annotated[int, Field(ge=7, le=90)] = 7
    purge_protection: bool = False


class ConfigurationSettings(Topic):
    tier: Literal["free", "standard"] = "free"
    feature_flags: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")], bool] = {}

    @property
    def refresh_seconds(self) -> int:
        """How often a process asks. The free tier takes 1,000 requests a day: at 300 s the counterparty takes 288, its
        staging slot as many; the management side asks only where something hangs on a flag, so that one of its
        processes takes 288 at the very most."""
        return 300 if self.tier == "free" else 60


class TelemetrySettings(Topic):
    daily_cap_gb: Annotated[float, Field(ge=0.023, le=100)] = 0.15
    retention_days: Annotated[int, Field(ge=30, le=730)] = 30
    sampling_percent: Annotated[float, Field(gt=0, le=100)] = 100


class AlertSettings(Topic):
    """When somebody is told. An address that pages a person is a secret of Pulumi's, `pagerWebhook`."""

    emails: Annotated[tuple[Email, ...], Field(min_length=1)]
    ingestion_p95_ms: Annotated[int, Field(ge=1)] = 250
    ea_uptime_percent: Annotated[int, Field(ge=1, le=100)] = 90
    silent_ea_minutes: Annotated[int, Field(ge=5, le=1440)] = 15
    """Over so long, at least, is the EAs' uptime measured."""
    failed_closes: Annotated[int, Field(ge=1)] = 1
    server_errors: Annotated[int, Field(ge=1)] = 10
    """A new version on a plan without slots costs a few while it takes over."""
    log_minutes: Literal[5, 10, 15, 30, 60] = 15
    """How often rules over logs look; at every 5 minutes they cost three times as much as at every 15."""


class BudgetSettings(Topic):
    """`start_month`: the month of the first deployment, `2026-12`, and of each later change of the budget or of whom it
    tells: it is made anew then, and Azure takes no month that is over."""

    monthly_usd: Annotated[int, Field(ge=1)]
    forecast_percent: Annotated[int, Field(ge=1, le=1000)] = 100
    start_month: Month
    anomalies_from: Month | None = None
    """Watched for a year from then (default: `start_month`); set it anew within that year; the budget stays."""

    @property
    def first_day(self) -> date:
        return date.fromisoformat(f"{self.start_month}-01")

    @property
    def anomalies_watched_from(self) -> date:
        return date.fromisoformat(f"{self.anomalies_from or self.start_month}-01")


class OperatorSettings(Topic):
    """Whose access tokens operators bring."""

    tenant_id: Guid
    audience: Guid
    """The application that they are for, by its id: so tokens of version 2 name it, however they were asked for."""
    tenant: Annotated[str, Field(min_length=1, max_length=64)] = "*"
    """Kopitra's tenant that they act for; `*`: all of them."""

    @property
    def issuer(self) -> str:
        return f"https://login.microsoftonline.com/{self.tenant_id}/v2.0"

    @property
    def key_set(self) -> str:
        return f"https://login.microsoftonline.com/{self.tenant_id}/discovery/v2.0/keys"


class Settings(Topic):
    """One environment. Without a topic its defaults hold, which are those of a quiet, cheap environment."""

    environment: Environment
    location: Annotated[str, Field(pattern=r"^[a-z]+[a-z0-9]*$")]
    subscription_id: Guid
    directory_id: Guid | None = None
    """The subscription's directory, which the vault and the database's administrators are in; without it that of the
    operators (`operators.tenantId`)."""
    owner: Tag
    cost_center: Tag
    data_classification: Literal["public", "internal", "confidential", "restricted"]
    shard: Annotated[str, Field(pattern=r"^[a-z0-9]{1,32}$")] = "main"
    protected: bool | None = None
    """Locks and `protect` on what holds state; default: in prod."""
    sql: SqlSettings
    alerts: AlertSettings
    budget: BudgetSettings
    operators: OperatorSettings
    counterparty: CounterpartySettings = CounterpartySettings()
    functions: FunctionsSettings = FunctionsSettings()
    storage: StorageSettings = StorageSettings()
    bus: BusSettings = BusSettings()
    console: ConsoleSettings = ConsoleSettings()
    vault: VaultSettings = VaultSettings()
    configuration: ConfigurationSettings = ConfigurationSettings()
    telemetry: TelemetrySettings = TelemetrySettings()

    @property
    def is_protected(self) -> bool:
        return self.environment is Environment.PROD if self.protected is None else self.protected

    @property
    def directory(self) -> str:
        return self.directory_id or self.operators.tenant_id

    @model_validator(mode="after")
    def _production_is_careful(self) -> Self:
        if self.environment is not Environment.PROD:
            return self
        if not self.vault.purge_protection:
            raise ValueError(
                "vault.purgeProtection must be true in prod: a purged key makes credentials unreadable"
            )
        if self.protected is False:
            raise ValueError("protected must not be false in prod")
        return self
