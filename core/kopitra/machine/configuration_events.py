"""What was published and enrolled."""

from datetime import datetime

from kopitra.domain.guards import Guard
from kopitra.domain.identifiers import AccountId, DeviceId, GroupId, SubscriptionId, TenantId
from kopitra.domain.settings import CopySettings, SettingsScope
from kopitra.machine.event import Event


class AccountConfigured(Event, tag="account.configured", frozen=True):
    account: AccountId
    tenant: TenantId
    revision: int
    enabled: bool = True
    requires_approval: bool = False
    enrolment_code_hash: str | None = None
    """SHA-256, hex, of a one-time code that has at least 128 bits."""
    enrolment_expires_at: datetime | None = None
    label: str = ""
    revoked_devices: tuple[DeviceId, ...] = ()


class GroupConfigured(Event, tag="group.configured", frozen=True):
    group: GroupId
    tenant: TenantId
    revision: int
    leaders: tuple[AccountId, ...]
    enabled: bool = True
    copies_of_copies: bool = False
    """Whether what its leaders copy from others is copied on."""


class SubscriptionConfigured(Event, tag="subscription.configured", frozen=True):
    subscription: SubscriptionId
    tenant: TenantId
    revision: int
    group: GroupId
    follower: AccountId
    rules: CopySettings
    """The subscription's own layer of settings."""
    enabled: bool = True


class SettingsConfigured(Event, tag="settings.configured", frozen=True):
    """A layer of settings and guards above or below subscriptions; `target` names the tenant, group or account."""

    scope: SettingsScope
    target: str
    tenant: TenantId
    revision: int
    settings: CopySettings
    guards: tuple[Guard, ...] = ()


class StaleIgnored(Event, tag="config.stale", frozen=True):
    """A command whose revision is not above the one in force."""

    scope: str
    revision: int
    current: int


class Enrolled(Event, tag="account.enrolled", frozen=True):
    account: AccountId
    device: DeviceId
    secret_hash: str
    platform: str | None = None
