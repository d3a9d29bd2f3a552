"""A configuration file as messages for `trade-agent-commands`, in the order in which they make sense."""

from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256

import msgspec

from kopitra.application.ports.queue import Message
from kopitra.domain.guards import Guard
from kopitra.domain.identifiers import AccountId
from kopitra.domain.settings import NOTHING_SET, CopySettings, SettingsScope
from kopitra.protocol.operations import (
    AccountSettings,
    GroupSettings,
    LayerSettings,
    Operation,
    OperationType,
    SessionTarget,
    SubscriptionSettings,
    parse_operation,
    to_command,
)
from kopitra_cli.configuration.entries import AccountEntry, Document


class Issue(msgspec.Struct, frozen=True, kw_only=True):
    """Who publishes, when (aware UTC), and as which revision of everything in the file."""

    by: str
    at: datetime
    revision: int


def operations_of(document: Document, issue: Issue) -> list[Operation]:
    """Accounts before the groups and subscriptions that name them; halts before what could open under them."""
    return [*_configured(document, issue), *_granted(document, issue)]


def messages_of(operations: list[Operation]) -> list[Message]:
    """Ready to send. A message id says which revision of what it is, so the same file sent twice is recognised.

    Raises OperationMalformed where the counterparty would not understand one: that would be our own mistake.
    """
    messages: list[Message] = []
    for number, operation in enumerate(operations):
        body = msgspec.json.encode(operation)
        to_command(parse_operation(body))
        messages.append(
            Message(
                body=body,
                message_id=f"{operation.tenant}:{operation.revision}:{number}:{sha256(body).hexdigest()[:16]}",
                correlation_id=f"apply-{operation.revision}",
                session_id=operation.account,
                subject=operation.command_type.value,
            )
        )
    return messages


def told(operation: Operation) -> str:
    """One operation as a line for people; no secret is in it, because none is in the operation."""
    parameters = msgspec.json.decode(operation.parameters)
    name = operation.account or parameters.get("subscription") or parameters.get("group")
    target = name or parameters.get("target") or parameters.get("scope", "")
    return f"{operation.command_type.value} {parameters.get('kind', '')} {target}".replace("  ", " ")


def _configured(document: Document, issue: Issue) -> Iterator[Operation]:
    for account, entry in document.accounts.items():
        yield _operation(document, issue, OperationType.CONFIG_PUBLISH, _account(entry), account)
    for group, entry in document.groups.items():
        settings = GroupSettings(
            group=group,
            leaders=entry.leaders,
            enabled=entry.enabled,
            copies_of_copies=entry.copies_of_copies,
        )
        yield _operation(document, issue, OperationType.CONFIG_PUBLISH, settings)
    for halt in document.halt:
        yield _operation(document, issue, OperationType.HALT, halt)
    for layer in _layers(document):
        account = AccountId(layer.target) if layer.scope is SettingsScope.FOLLOWER else None
        yield _operation(document, issue, OperationType.CONFIG_PUBLISH, layer, account)
    for subscription, entry in document.subscriptions.items():
        settings = SubscriptionSettings(
            subscription=subscription,
            group=entry.group,
            follower=entry.follower,
            rules=entry.rules,
            enabled=entry.enabled,
        )
        yield _operation(document, issue, OperationType.CONFIG_PUBLISH, settings, entry.follower)


def _layers(document: Document) -> Iterator[LayerSettings]:
    """Those that the file gives, widest first; a group's or follower's that it does not speak of stays as it is."""
    if document.platform is not None:
        yield _layer(SettingsScope.PLATFORM, "", document.platform.settings, document.platform.guards)
    for group, entry in document.groups.items():
        if entry.settings is not None or entry.guards is not None:
            yield _layer(SettingsScope.GROUP, group, entry.settings, entry.guards)
    for follower, entry in document.followers.items():
        yield _layer(SettingsScope.FOLLOWER, follower, entry.settings, entry.guards)


def _layer(
    scope: SettingsScope, target: str, settings: CopySettings | None, guards: tuple[Guard, ...] | None
) -> LayerSettings:
    return LayerSettings(scope=scope, target=target, settings=settings or NOTHING_SET, guards=guards or ())


def _granted(document: Document, issue: Issue) -> Iterator[Operation]:
    for resume in document.resume:
        yield _operation(document, issue, OperationType.RESUME, resume)
    for account in document.approve:
        yield _operation(document, issue, OperationType.APPROVE, SessionTarget(), account)


def _account(entry: AccountEntry) -> AccountSettings:
    code = entry.enrolment_code
    return AccountSettings(
        enabled=entry.enabled,
        requires_approval=entry.requires_approval,
        enrolment_code_hash=sha256(code.encode()).hexdigest() if code is not None else None,
        enrolment_expires_at=entry.enrolment_expires_at,
        label=entry.label,
        revoked_devices=entry.revoked_devices,
    )


def _operation(
    document: Document,
    issue: Issue,
    command_type: OperationType,
    parameters: msgspec.Struct,
    account: AccountId | None = None,
) -> Operation:
    return Operation(
        command_type=command_type,
        tenant=document.tenant,
        revision=issue.revision,
        issued_at=issue.at,
        issued_by=issue.by,
        parameters=msgspec.Raw(msgspec.json.encode(parameters)),
        account=account,
    )
