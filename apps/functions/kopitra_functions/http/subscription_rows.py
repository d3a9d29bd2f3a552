"""Subscriptions as rows, and as they are shown."""

from sqlalchemy.engine import RowMapping

from kopitra.domain.instants import rfc3339
from kopitra.domain.settings import CopySettings
from kopitra_functions.http.judging import read_rules
from kopitra_functions.http.messages import Shown


class SubscriptionView(Shown, frozen=True):
    subscription: str
    tenant: str
    group: str
    follower: str
    strategy: str | None
    enabled: bool
    rules: CopySettings
    revision: int
    updated_at: str
    updated_by: str | None
    version: int


class SubscriptionPage(Shown, frozen=True):
    items: list[SubscriptionView]
    cursor: str
    more: bool


class SubscriptionVersion(Shown, frozen=True):
    subscription: str
    version: int
    strategy: str | None
    enabled: bool
    rules: CopySettings
    revision: int
    changed_at: str
    changed_by: str
    request_id: str | None


class SubscriptionHistory(Shown, frozen=True):
    items: list[SubscriptionVersion]
    cursor: str
    more: bool


def subscription_view(row: RowMapping) -> SubscriptionView:
    return SubscriptionView(
        subscription=row["subscription"],
        tenant=row["tenant"],
        group=row["copy_group"],
        follower=row["follower"],
        strategy=row["strategy"],
        enabled=row["enabled"],
        rules=read_rules(row["rules"]),
        revision=row["revision"],
        updated_at=rfc3339(row["updated_at"]),
        updated_by=row["updated_by"],
        version=row["version"],
    )


def version_view(row: RowMapping) -> SubscriptionVersion:
    return SubscriptionVersion(
        subscription=row["subscription"],
        version=row["version"],
        strategy=row["strategy"],
        enabled=row["enabled"],
        rules=read_rules(row["rules"]),
        revision=row["revision"],
        changed_at=rfc3339(row["changed_at"]),
        changed_by=row["changed_by"],
        request_id=row["request_id"],
    )
