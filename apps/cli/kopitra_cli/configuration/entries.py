"""The shape of a configuration file."""

from datetime import datetime

import msgspec

from kopitra.domain.guards import Guard
from kopitra.domain.identifiers import AccountId, DeviceId, GroupId, SubscriptionId, TenantId
from kopitra.domain.settings import NOTHING_SET, CopySettings
from kopitra.protocol.operations import HaltParameters, ResumeParameters


class _Entry(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    pass


class AccountEntry(_Entry, frozen=True, kw_only=True):
    label: str = ""
    enabled: bool = True
    requires_approval: bool = False
    enrolment_code: str | None = None
    enrolment_expires_at: datetime | None = None
    revoked_devices: tuple[DeviceId, ...] = ()


class LayerEntry(_Entry, frozen=True, kw_only=True):
    """What is set for the platform or a follower."""

    settings: CopySettings | None = None
    guards: tuple[Guard, ...] | None = None


class GroupEntry(_Entry, frozen=True, kw_only=True):
    """Without `settings` and `guards` the group's layer stays as it is published."""

    leaders: tuple[AccountId, ...]
    enabled: bool = True
    copies_of_copies: bool = False
    settings: CopySettings | None = None
    guards: tuple[Guard, ...] | None = None


class SubscriptionEntry(_Entry, frozen=True, kw_only=True):
    group: GroupId
    follower: AccountId
    rules: CopySettings = NOTHING_SET
    enabled: bool = True


class Document(_Entry, frozen=True, kw_only=True):
    tenant: TenantId
    platform: LayerEntry | None = None
    accounts: dict[AccountId, AccountEntry] = {}
    groups: dict[GroupId, GroupEntry] = {}
    followers: dict[AccountId, LayerEntry] = {}
    subscriptions: dict[SubscriptionId, SubscriptionEntry] = {}
    halt: tuple[HaltParameters, ...] = ()
    resume: tuple[ResumeParameters, ...] = ()
    approve: tuple[AccountId, ...] = ()
