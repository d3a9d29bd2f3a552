"""Accounts as rows, and as what is published of them."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.engine import RowMapping

from kopitra.domain.identifiers import DeviceId
from kopitra.domain.instants import rfc3339
from kopitra.protocol.operations import AccountSettings
from kopitra_functions.http.call import Call
from kopitra_functions.http.change import Change
from kopitra_functions.http.code_rows import open_code
from kopitra_functions.http.messages import Shown
from kopitra_functions.http.rows import edit, require
from kopitra_functions.publishing.revisions import next_revision
from kopitra_functions.sql.tables import accounts


class AccountView(Shown, frozen=True):
    """`login`, `server`, `currency` and `margin_mode` as they were entered here; what its EA reports is elsewhere."""

    account: str
    tenant: str
    label: str
    broker: str | None
    platform: str | None
    login: int | None
    server: str | None
    currency: str | None
    margin_mode: str | None
    enabled: bool
    requires_approval: bool
    revoked_devices: list[str]
    revision: int
    created_at: str
    updated_at: str
    updated_by: str | None
    version: int


def account_view(row: RowMapping) -> AccountView:
    return AccountView(
        account=row["account"],
        tenant=row["tenant"],
        label=row["label"],
        broker=row["broker"],
        platform=row["platform"],
        login=row["login"],
        server=row["server"],
        currency=row["currency"],
        margin_mode=row["margin_mode"],
        enabled=row["enabled"],
        requires_approval=row["requires_approval"],
        revoked_devices=row["revoked_devices"] or [],
        revision=row["revision"],
        created_at=rfc3339(row["created_at"]),
        updated_at=rfc3339(row["updated_at"]),
        updated_by=row["updated_by"],
        version=row["version"],
    )


def edit_account(change: Change, call: Call, row: RowMapping, values: dict[str, Any]) -> RowMapping:
    """Edit the row that was read, publish what it has become, and give it. Raises Rejected."""
    account = row["account"]
    revision = next_revision(row["revision"], change.now)
    edit(change, accounts, {"account": account}, row["version"], values | {"revision": revision})
    edited = require(change.connection, call, accounts, account=account)
    publish_account(change, edited)
    return edited


def publish_account(change: Change, row: RowMapping) -> None:
    change.publish(
        account_settings(change.connection, row, change.now),
        tenant=row["tenant"],
        revision=row["revision"],
        account=row["account"],
    )


def account_settings(connection: Connection, row: RowMapping, now: datetime) -> AccountSettings:
    """With the enrolment code that is open now, because a publication replaces the one before."""
    code = open_code(connection, row["tenant"], row["account"], now)
    return AccountSettings(
        enabled=row["enabled"],
        requires_approval=row["requires_approval"],
        enrolment_code_hash=code["code_hash"] if code is not None else None,
        enrolment_expires_at=code["expires_at"] if code is not None else None,
        label=row["label"],
        revoked_devices=tuple(DeviceId(device) for device in row["revoked_devices"] or ()),
    )
