"""Messages of the queue `trade-agent-commands`: what the management side asks of a counterparty.

`revision` grows per scope; a lower one is recorded as stale and ignored. Unknown fields of `parameters` are refused:
a setting that is silently ignored costs money.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, NoReturn

import msgspec

from kopitra.domain.guards import Guard
from kopitra.domain.identifiers import (
    AccountId,
    DeviceId,
    GroupId,
    JournalId,
    ProposalId,
    SessionId,
    SubscriptionId,
    TenantId,
)
from kopitra.domain.settings import CopySettings, SettingsScope
from kopitra.machine import commands
from kopitra.machine.commands import Command
from kopitra.machine.events import HaltMode, HaltScope, SessionEnd


class OperationType(StrEnum):
    CONFIG_PUBLISH = "config.publish"
    RESYNC = "ea.resync"
    APPROVE = "session.approve"
    REJECT = "session.reject"
    FORCE_RELEASE = "session.forceRelease"
    HALT = "trading.halt"
    RESUME = "trading.resume"
    DECIDE = "reconciliation.decide"
    CHECKPOINT = "consumer.checkpoint"


class Operation(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The envelope; `parameters` depends on `command_type`. `issued_by`: the operator's subject."""

    command_type: OperationType
    tenant: TenantId
    revision: int
    issued_at: datetime
    issued_by: str
    parameters: msgspec.Raw = msgspec.Raw(b"{}")
    account: AccountId | None = None


class Parameters(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True
):
    """Parameters of one command type."""


class AccountSettings(Parameters, frozen=True, tag_field="kind", tag="account"):
    enabled: bool = True
    requires_approval: bool = False
    enrolment_code_hash: str | None = None
    """SHA-256, lower-case hex, of the one-time code: the code itself never travels."""
    enrolment_expires_at: datetime | None = None
    label: str = ""
    revoked_devices: tuple[DeviceId, ...] = ()


class GroupSettings(Parameters, frozen=True, tag_field="kind", tag="group"):
    group: GroupId
    leaders: tuple[AccountId, ...]
    enabled: bool = True
    copies_of_copies: bool = False
    """Whether what its leaders copy from others is copied on."""


class SubscriptionSettings(Parameters, frozen=True, tag_field="kind", tag="subscription"):
    subscription: SubscriptionId
    group: GroupId
    follower: AccountId
    rules: CopySettings
    enabled: bool = True


class LayerSettings(Parameters, frozen=True, tag_field="kind", tag="settings"):
    """A layer of settings and guards for the tenant's platform (no `target`), one group or one follower; it replaces
    the layer that was there. What it does not set is left to the other layers."""

    scope: SettingsScope
    target: str = ""
    settings: CopySettings = CopySettings()
    guards: tuple[Guard, ...] = ()


Settings = AccountSettings | GroupSettings | SubscriptionSettings | LayerSettings


class SessionTarget(Parameters, frozen=True):
    session_id: SessionId | None = None


class ResyncParameters(Parameters, frozen=True):
    reason: str = "operator"


class HaltParameters(Parameters, frozen=True):
    """`target` is empty for the platform."""

    scope: HaltScope
    target: str = ""
    mode: HaltMode = HaltMode.CLOSE_ONLY
    reason: str = ""


class ResumeParameters(Parameters, frozen=True):
    scope: HaltScope
    target: str = ""


class DecideParameters(Parameters, frozen=True):
    proposal: ProposalId
    approve: bool


class CheckpointParameters(Parameters, frozen=True):
    """`journal_id`: whose sequence it is; of another journal than the counterparty's it changes nothing."""

    consumer: str
    sequence: int
    journal_id: JournalId | None = None


PARAMETERS: dict[OperationType, Any] = {
    OperationType.CONFIG_PUBLISH: Settings,
    OperationType.RESYNC: ResyncParameters,
    OperationType.APPROVE: SessionTarget,
    OperationType.REJECT: SessionTarget,
    OperationType.FORCE_RELEASE: SessionTarget,
    OperationType.HALT: HaltParameters,
    OperationType.RESUME: ResumeParameters,
    OperationType.DECIDE: DecideParameters,
    OperationType.CHECKPOINT: CheckpointParameters,
}
"""What each command type carries."""


class OperationMalformed(ValueError):
    """The message is no operation: it is dead-lettered at once, with this text as the reason."""


_envelope = msgspec.json.Decoder(Operation)
_decoders: dict[type[Any], msgspec.json.Decoder[Any]] = {}


def parse_operation(body: bytes) -> Operation:
    """Raises OperationMalformed, naming the place that is wrong."""
    try:
        operation = _envelope.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise OperationMalformed(str(error)) from error
    if operation.revision < 1:
        raise OperationMalformed("revision must be at least 1")
    if not operation.issued_by.strip():
        raise OperationMalformed("issuedBy must name the operator")
    if operation.issued_at.tzinfo is None:
        raise OperationMalformed("issuedAt must have an offset")
    return operation


def to_command(operation: Operation) -> Command:
    """The machine's command for an operation. Raises OperationMalformed."""
    match operation.command_type:
        case OperationType.CONFIG_PUBLISH:
            return _publish(operation, _parameters(operation, Settings))
        case OperationType.RESYNC:
            resync = _parameters(operation, ResyncParameters)
            return commands.RequestResync(
                account=_account(operation), reason=resync.reason, subject=operation.issued_by
            )
        case OperationType.APPROVE:
            target = _parameters(operation, SessionTarget)
            return commands.ApproveSession(
                account=_account(operation),
                session=target.session_id,
                subject=operation.issued_by,
                revision=operation.revision,
            )
        case OperationType.REJECT | OperationType.FORCE_RELEASE:
            target = _parameters(operation, SessionTarget)
            rejected = operation.command_type is OperationType.REJECT
            return commands.EndSession(
                account=_account(operation),
                session=target.session_id,
                reason=SessionEnd.REJECTED if rejected else SessionEnd.FORCED,
                subject=operation.issued_by,
                revision=operation.revision,
            )
        case OperationType.HALT | OperationType.RESUME:
            return _halt(operation)
        case OperationType.DECIDE:
            decided = _parameters(operation, DecideParameters)
            return commands.DecideProposal(
                account=_account(operation),
                proposal=decided.proposal,
                approve=decided.approve,
                subject=operation.issued_by,
                tenant=operation.tenant,
            )
        case OperationType.CHECKPOINT:
            checkpoint = _parameters(operation, CheckpointParameters)
            return commands.Checkpoint(
                consumer=checkpoint.consumer, sequence=checkpoint.sequence, journal_id=checkpoint.journal_id
            )


def _publish(operation: Operation, settings: Settings) -> Command:
    tenant, revision = operation.tenant, operation.revision
    match settings:
        case AccountSettings():
            return commands.PublishAccount(
                account=_account(operation),
                tenant=tenant,
                revision=revision,
                enabled=settings.enabled,
                requires_approval=settings.requires_approval,
                enrolment_code_hash=settings.enrolment_code_hash,
                enrolment_expires_at=settings.enrolment_expires_at,
                label=settings.label,
                revoked_devices=settings.revoked_devices,
            )
        case GroupSettings():
            return commands.PublishGroup(
                group=settings.group,
                tenant=tenant,
                revision=revision,
                leaders=settings.leaders,
                enabled=settings.enabled,
                copies_of_copies=settings.copies_of_copies,
            )
        case SubscriptionSettings():
            return commands.PublishSubscription(
                subscription=settings.subscription,
                tenant=tenant,
                revision=revision,
                group=settings.group,
                follower=settings.follower,
                rules=settings.rules,
                enabled=settings.enabled,
            )
        case LayerSettings():
            return commands.PublishSettings(
                scope=settings.scope,
                target=settings.target,
                tenant=tenant,
                revision=revision,
                settings=settings.settings,
                guards=settings.guards,
            )


def _halt(operation: Operation) -> Command:
    if operation.command_type is OperationType.HALT:
        halt = _parameters(operation, HaltParameters)
        return commands.Halt(
            scope=halt.scope,
            target=halt.target,
            mode=halt.mode,
            subject=operation.issued_by,
            tenant=operation.tenant,
            reason=halt.reason,
            revision=operation.revision,
        )
    resume = _parameters(operation, ResumeParameters)
    return commands.Resume(
        scope=resume.scope,
        target=resume.target,
        subject=operation.issued_by,
        tenant=operation.tenant,
        revision=operation.revision,
    )


def _parameters(operation: Operation, wanted: Any) -> Any:
    decoder = _decoders.get(wanted)
    if decoder is None:
        decoder = _decoders[wanted] = msgspec.json.Decoder(wanted)
    try:
        return decoder.decode(operation.parameters)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise OperationMalformed(f"parameters: {error}") from error


def _account(operation: Operation) -> AccountId:
    if operation.account is None:
        _refuse(f"{operation.command_type} needs an account")
    return operation.account


def _refuse(reason: str) -> NoReturn:
    raise OperationMalformed(reason)


def schemas() -> dict[str, Any]:
    """JSON Schema of each command type's `parameters`, self-contained."""
    return {str(kind): _self_contained(msgspec.json.schema(wanted)) for kind, wanted in PARAMETERS.items()}


def _self_contained(schema: dict[str, Any]) -> dict[str, Any]:
    """A single struct's own members at the top, what it refers to beside them."""
    reference = schema.pop("$ref", "").rpartition("/")[2]
    return schema if not reference else schema["$defs"].pop(reference) | schema
