"""JSON Schemas of the queues' messages, whole: the envelope and what each type carries (docs/schemas)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec

from kopitra.domain.identifiers import AccountId, TenantId
from kopitra.protocol import event_messages, operations
from kopitra.protocol.event_messages import EventMessage
from kopitra.protocol.operations import OperationType

DIALECT = "https://json-schema.org/draft/2020-12/schema"
EVENTS, COMMANDS = "trade-agent-events", "trade-agent-commands"
VERSIONS: Mapping[str, int] = {}
"""Message type → version of its schema, where that is above 1. A change that takes something away, narrows it or newly
demands it needs a higher one (`kopitra.protocol.schema_compatibility`)."""

Schema = dict[str, Any]


def published_schemas() -> dict[str, dict[str, Schema]]:
    """By queue, then by message type."""
    return {EVENTS: _events(), COMMANDS: _commands()}


def _events() -> dict[str, Schema]:
    reference = {
        "type": "object",
        "title": "PayloadReference",
        "description": "The payload is the blob of this name: it has no room in a message.",
        "properties": {"blob": {"type": "string"}},
        "required": ["blob"],
        "additionalProperties": False,
    }

    def whole(kind: str, payload: Schema) -> Schema:
        definitions = payload.pop("$defs", {})
        return _enveloped(
            EVENTS, kind, EventMessage, "messageType", "payload", {"anyOf": [payload, reference]}, definitions
        )

    return {kind: whole(kind, payload) for kind, payload in sorted(event_messages.schemas().items())}


class _Operation(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):  # what `Operation` says; its raw parameters have no schema
    """The envelope; `parameters` depends on `command_type`. `issued_by`: the operator's subject."""

    command_type: OperationType
    tenant: TenantId
    revision: Annotated[int, msgspec.Meta(ge=1)]
    issued_at: datetime
    issued_by: Annotated[str, msgspec.Meta(min_length=1)]
    parameters: Any = {}
    account: AccountId | None = None


def _commands() -> dict[str, Schema]:
    def whole(kind: str, parameters: Schema) -> Schema:
        definitions = parameters.pop("$defs", {})
        return _enveloped(COMMANDS, kind, _Operation, "commandType", "parameters", parameters, definitions)

    return {kind: whole(kind, parameters) for kind, parameters in sorted(operations.schemas().items())}


def _enveloped(
    queue: str,
    kind: str,
    envelope: type[msgspec.Struct],
    tag: str,
    member: str,
    body: Schema,
    definitions: Schema,
) -> Schema:
    described = msgspec.json.schema(envelope)
    known: Schema = dict(described["$defs"])
    top: Schema = known.pop(described["$ref"].rpartition("/")[2])
    version = VERSIONS.get(kind, 1)
    properties = top["properties"] | {tag: {"const": kind}, member: body}
    whole = top | {"title": kind, "properties": properties}
    used = known | definitions
    return {
        "$schema": DIALECT,
        "$id": f"urn:kopitra:{queue}:{kind}:{version}",
        "version": version,
        **whole,
        "$defs": {name: used[name] for name in sorted(_reached(whole, used))},
    }


def _reached(schema: Any, definitions: Schema) -> set[str]:
    """Names of the definitions that a schema refers to, directly or not."""
    found: set[str] = set()
    looking = [schema]
    while looking:
        value: Any = looking.pop()
        if isinstance(value, dict):
            items: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
            name = str(items.get("$ref", "")).rpartition("/")[2]
            if name and name not in found:
                found.add(name)
                looking.append(definitions[name])
            looking.extend(items.values())
        elif isinstance(value, list):
            looking.extend(value)  # pyright: ignore[reportUnknownArgumentType]
    return found
