"""Publications that wait to be sent: rows of `pending_commands`, each the message that it will be."""

from datetime import datetime
from hashlib import sha256

import msgspec
from sqlalchemy import Connection

from kopitra.application.ports.queue import MESSAGE_BYTES, Message
from kopitra.domain.identifiers import AccountId, RequestId, TenantId
from kopitra.domain.settings import SettingsScope
from kopitra.protocol.operations import (
    AccountSettings,
    GroupSettings,
    LayerSettings,
    Operation,
    OperationType,
    Settings,
    SubscriptionSettings,
    parse_operation,
    to_command,
)
from kopitra.protocol.problems import Rejected
from kopitra_functions.sql.tables import pending_commands


class Publication(msgspec.Struct, frozen=True, kw_only=True):
    """`account`: whose settings they are, where they are one account's."""

    settings: Settings
    tenant: TenantId
    revision: int
    account: AccountId | None
    issued_at: datetime
    issued_by: str
    request_id: RequestId


def put_pending(connection: Connection, publication: Publication) -> None:
    """Raises Rejected where it is too large for a message, and OperationMalformed where the counterparty would not
    understand it: that would be our own mistake."""
    body = msgspec.json.encode(_operation(publication))
    to_command(parse_operation(body))
    if len(body) > MESSAGE_BYTES:
        raise Rejected(
            422,
            "settings_too_large",
            "The settings are too large",
            f"published, they would have {len(body)} bytes; {MESSAGE_BYTES} fit a message",
        )
    scope, target = _place(publication)
    connection.execute(
        pending_commands.insert().values(
            tenant=publication.tenant,
            message_id=f"config-{sha256(body).hexdigest()[:40]}",
            command_type=OperationType.CONFIG_PUBLISH.value,
            scope=scope,
            target=target,
            revision=publication.revision,
            body=body.decode(),
            request_id=publication.request_id,
            actor=publication.issued_by,
            created_at=publication.issued_at,
            attempts=0,
        )
    )


def message_of(row: "PendingRow") -> Message:
    """The same bytes and the same id whenever it is sent: a repeat is recognised, and its revision applies once."""
    return Message(
        body=row.body.encode(),
        message_id=row.message_id,
        correlation_id=row.request_id,
        session_id=row.account,
        subject=row.command_type,
    )


class PendingRow(msgspec.Struct, frozen=True, kw_only=True):
    ordinal: int
    message_id: str
    command_type: str
    body: str
    request_id: str | None

    @property
    def account(self) -> str | None:
        return parse_operation(self.body.encode()).account


def _operation(publication: Publication) -> Operation:
    return Operation(
        command_type=OperationType.CONFIG_PUBLISH,
        tenant=publication.tenant,
        revision=publication.revision,
        issued_at=publication.issued_at,
        issued_by=publication.issued_by,
        parameters=msgspec.Raw(msgspec.json.encode(publication.settings)),
        account=publication.account,
    )


def _place(publication: Publication) -> tuple[str, str]:
    """What its revision counts for."""
    settings = publication.settings
    match settings:
        case AccountSettings():
            return "account", publication.account or ""
        case GroupSettings():
            return "group", settings.group
        case SubscriptionSettings():
            return "subscription", settings.subscription
        case LayerSettings():
            target = publication.tenant if settings.scope is SettingsScope.PLATFORM else settings.target
            return f"settings.{settings.scope}", target
