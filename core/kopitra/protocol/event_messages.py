"""Messages of the queue `trade-agent-events`: journal events as the management side reads them.

Each event type gets a twin in camelCase with named members throughout (the journal's own form is compact and partly
positional); secrets' hashes and stored answers stay in the journal.
"""

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import msgspec

from kopitra.domain.identifiers import AccountId, JournalId, TenantId
from kopitra.domain.instants import rfc3339
from kopitra.machine import events as happened
from kopitra.machine.events import AnyEvent, Event, Recorded

PRIVATE_EVENTS: frozenset[type[Event]] = frozenset({happened.RequestAnswered, happened.ConsumerCheckpointed})
"""Of no use to anybody else; publishing checkpoints would also answer every message with another."""
PRIVATE_FIELDS = frozenset({"secret_hash", "nonce", "token_hash", "key_id", "enrolment_code_hash"})
NO_TENANT = TenantId("*")
"""Of events that concern every tenant."""


class EventMessage(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """`payload` is the event's twin, or `{"blob": name}` where that is larger than a message may be.

    `previous_sequence`: the `last_sequence` of the message before it in its journal, 0 for the first; a reader that has
    all messages up to there lacks none before this one."""

    message_type: str
    tenant: TenantId
    sequence: int
    last_sequence: int
    occurred_at: str
    payload: Any
    account: AccountId | None = None
    request_id: str | None = None
    actor: str | None = None
    previous_sequence: int | None = None


def is_published(event: AnyEvent) -> bool:
    return type(event) not in PRIVATE_EVENTS


def message_type(event: AnyEvent) -> str:
    return str(event.__struct_config__.tag)


def message_id(journal: JournalId, shard: str, sequence: int) -> str:
    return f"{journal}:{shard}:{sequence}"


def payload_of(event: AnyEvent) -> Any:
    """The event's twin, ready to be encoded."""
    return msgspec.convert(event, TWINS[type(event)], from_attributes=True)


def message_of(
    recorded: Recorded, tenants: Mapping[AccountId, TenantId], payload: Any, previous: int | None = None
) -> EventMessage:
    event = recorded.event
    account: AccountId | None = getattr(event, "account", None)
    return EventMessage(
        message_type=message_type(event),
        tenant=_tenant_of(event, account, tenants),
        sequence=recorded.sequence,
        last_sequence=recorded.last,
        occurred_at=rfc3339(recorded.at),
        payload=payload,
        account=account,
        request_id=recorded.request_id,
        actor=recorded.actor,
        previous_sequence=previous,
    )


NAMING_ACCOUNTS = ("notified", "orders", "withdrawn", "released", "recalled")
"""Members of events that concern several accounts, each an account or something of one."""


def _tenant_of(event: AnyEvent, account: AccountId | None, tenants: Mapping[AccountId, TenantId]) -> TenantId:
    """Its own, or its account's; of an event about several accounts, theirs, as long as that is one tenant's."""
    own: TenantId | None = getattr(event, "tenant", None)
    if own is not None:
        return own
    if account is not None:
        return tenants.get(account, NO_TENANT)
    named = (each for name in NAMING_ACCOUNTS for each in getattr(event, name, ()))
    found = {tenants.get(getattr(each, "account", each), NO_TENANT) for each in named}
    return found.pop() if len(found) == 1 else NO_TENANT


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def _twin(struct: type[msgspec.Struct], known: dict[Any, Any]) -> type[msgspec.Struct]:
    """A struct of the same fields, by name and in camelCase, without private ones; itself where it is that already."""
    if struct in known:
        return known[struct]
    if _is_plain(struct):
        return struct
    fields: list[tuple[str, Any, Any]] = []
    for field in msgspec.structs.fields(struct):
        if field.name in PRIVATE_FIELDS:
            continue
        default: Any = msgspec.UNSET if field.required else _default(field)
        kind = _mirrored(field.type, known)
        fields.append((field.name, kind, msgspec.field() if default is msgspec.UNSET else default))
    twin = msgspec.defstruct(
        struct.__name__,
        fields,
        namespace={"__doc__": struct.__doc__},
        rename=_camel,
        omit_defaults=True,
        frozen=True,
        kw_only=True,
        module=__name__,
    )
    known[struct] = twin
    return twin


def _is_plain(struct: type[msgspec.Struct]) -> bool:
    named = tuple(_camel(name) for name in struct.__struct_fields__)
    return (
        not struct.__struct_config__.array_like
        and struct.__struct_encode_fields__ == named
        and (not PRIVATE_FIELDS.intersection(struct.__struct_fields__))
        and not issubclass(struct, Event)
    )


def _default(field: Any) -> Any:
    if field.default is not msgspec.NODEFAULT:
        return field.default
    return msgspec.field(default_factory=field.default_factory)


def _mirrored(kind: Any, known: dict[Any, Any]) -> Any:
    """The annotation with every struct in it replaced by its twin."""
    if _is_struct(kind):
        return _twin(kind, known)
    origin: Any = get_origin(kind)
    if origin in (Union, UnionType):
        members = [_mirrored(member, known) for member in get_args(kind) if member is not NoneType]
        optional: Any = Union[tuple(members)]  # noqa: UP007 - made at run time
        return optional | None if NoneType in get_args(kind) else optional
    if origin in (tuple, list, dict):
        generic: Any = origin
        return generic[tuple(a if a is Ellipsis else _mirrored(a, known) for a in get_args(kind))]
    return kind


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _twins() -> dict[type[Event], type[msgspec.Struct]]:
    known: dict[Any, Any] = {}
    return {event: _twin(event, known) for event in get_args(AnyEvent) if event not in PRIVATE_EVENTS}


TWINS = _twins()
"""Event type → the type that is published for it."""


def schemas() -> dict[str, Any]:
    """JSON Schema of every published payload, by message type."""
    return {str(event.__struct_config__.tag): msgspec.json.schema(twin) for event, twin in TWINS.items()}
