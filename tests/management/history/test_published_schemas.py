"""What is published about messages is true, current, and takes nothing from those who know the last release."""

import json
from copy import deepcopy
from fnmatch import fnmatchcase
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from kopitra.protocol.published_schemas import COMMANDS, EVENTS, published_schemas
from kopitra.protocol.schema_compatibility import incompatibilities
from kopitra.simulation.blobs import MemoryBlobs
from kopitra.simulation.virtual_time import VirtualTime, run_virtual
from kopitra_functions.history.checkpoint_messages import checkpoint_message
from kopitra_functions.history.checkpoints import Shard
from scripts.publish_schemas import FOLDER, baseline, files, problems
from tests.management.history.streams import golden, published
from tests.unit.copying.world import START

Schema = dict[str, Any]


def test_the_published_files_are_what_the_code_says() -> None:
    """If not: `.venv/bin/python -m scripts.publish_schemas`."""
    assert {path: path.read_text() for path in FOLDER.glob("*/*.json")} == files()


def test_the_last_release_loses_nothing() -> None:
    """If it must: raise the message's version in `kopitra.protocol.published_schemas.VERSIONS`."""
    assert problems(baseline(), published_schemas()) == []


def test_every_message_that_is_sent_is_valid() -> None:
    async def main(time: VirtualTime) -> list[Any]:
        messages = await published(golden(), MemoryBlobs(time))
        return [msgspec.json.decode(one.body) for one in messages]

    schemas = {
        kind: jsonschema_rs.validator_for(schema) for kind, schema in published_schemas()[EVENTS].items()
    }
    seen: set[str] = set()
    for message in run_virtual(1, main):
        schemas[message["messageType"]].validate(message)
        seen.add(message["messageType"])
    assert seen == set(schemas)


def test_a_payload_by_reference_is_valid_and_a_wrong_one_is_not() -> None:
    validator = jsonschema_rs.validator_for(published_schemas()[EVENTS]["leader.heard"])
    message: Schema = {
        "messageType": "leader.heard",
        "tenant": "acme",
        "sequence": 1,
        "lastSequence": 1,
        "previousSequence": 0,
        "occurredAt": "2026-01-05T00:00:00.000Z",
        "payload": {"account": "a"},
    }
    assert validator.is_valid(message)
    assert validator.is_valid(message | {"payload": {"blob": "s0/events/j/1.json"}})
    assert not validator.is_valid(message | {"payload": {"name": 1}})
    assert not validator.is_valid(message | {"messageType": "leader.silent"})
    assert not validator.is_valid({name: value for name, value in message.items() if name != "sequence"})


def test_a_checkpoint_that_the_drain_sends_is_valid() -> None:
    message = checkpoint_message(Shard("j", "s0"), 7, START)
    schema = published_schemas()[COMMANDS]["consumer.checkpoint"]
    jsonschema_rs.validator_for(schema).validate(msgspec.json.decode(message.body))


def test_the_readme_says_of_every_event_what_it_is_in_other_peoples_words() -> None:
    told = (FOLDER / "README.md").read_text().split("## Trade intents")[1]
    names = [part for line in told.splitlines() for part in line.split("`")[1::2]]
    for kind in published_schemas()[EVENTS]:
        assert any(fnmatchcase(kind, name) for name in names), kind


BASE: Schema = {
    "type": "object",
    "title": "Message",
    "version": 1,
    "required": ["id", "side"],
    "properties": {
        "id": {"type": "string", "maxLength": 10},
        "side": {"$ref": "#/$defs/Side"},
        "volume": {"anyOf": [{"type": "string", "format": "decimal"}, {"type": "null"}]},
        "parts": {"type": "array", "items": {"$ref": "#/$defs/Part"}},
        "either": {"anyOf": [{"$ref": "#/$defs/Part"}, {"$ref": "#/$defs/Other"}]},
        "named": {"type": "object", "additionalProperties": {"type": "integer"}},
    },
    "$defs": {
        "Side": {"enum": ["buy", "sell"]},
        "Part": {
            "type": "object",
            "title": "Part",
            "required": ["number"],
            "properties": {"number": {"type": "integer", "minimum": 0}, "next": {"$ref": "#/$defs/Part"}},
        },
        "Other": {"type": "object", "title": "Other", "properties": {"x": {"type": "string"}}},
    },
}


def changed(path: str, value: Any) -> Schema:
    """The base schema with one place set, or removed where the value is None."""
    schema = deepcopy(BASE)
    *way, last = path.split("/")
    target: Any = schema
    for name in way:
        target = target[int(name) if name.isdigit() else name]
    if value is None:
        del target[int(last) if last.isdigit() else last]
    else:
        target[last] = value
    return schema


BREAKS = [
    ("properties/volume", None, "message.volume was removed"),
    ("$defs/Part/properties/number", None, "message.either.number was removed"),
    ("required", ["id", "side", "volume"], "message.volume is required now"),
    ("$defs/Part/required", ["number", "next"], "next is required now"),
    ("properties/id", {"type": "integer"}, "message.id may be no string any more"),
    ("properties/volume", {"type": "null"}, "message.volume may be no string any more"),
    ("properties/volume/anyOf", [{"type": "string", "format": "decimal"}], "may be no null any more"),
    ("properties/either/anyOf/1", None, "was removed"),
    ("properties/id/maxLength", 9, "message.id: maxLength is lower"),
    ("properties/id/pattern", "^[a-z]+$", "message.id: pattern is another"),
    ("$defs/Part/properties/number/minimum", 1, "minimum is higher"),
    ("$defs/Side/enum", ["buy"], "message.side may not be sell any more"),
    ("properties/id/enum", ["one"], "message.id may only be one of some words now"),
    ("properties/parts/items", {"type": "string"}, "message.parts[] may be no Part any more"),
    (
        "properties/named/additionalProperties",
        {"type": "string"},
        "message.named.* may be no integer any more",
    ),
    ("additionalProperties", False, "message may have no other members any more"),
]


@pytest.mark.parametrize(("path", "value", "says"), BREAKS)
@pytest.mark.parametrize("told", [True, False])
def test_what_takes_something_away_needs_a_new_version(path: str, value: Any, says: str, told: bool) -> None:
    new = changed(path, value)
    found = incompatibilities(BASE, new, told=told)
    assert any(says in one for one in found), found
    assert incompatibilities(BASE, new | {"version": 2}, told=told) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("properties/comment", {"type": "string"}),
        ("$defs/Part/properties/comment", {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        ("$defs/Side/enum", ["buy", "sell", "both"]),
        ("properties/id/maxLength", 20),
        ("properties/id/maxLength", None),
        ("properties/id/description", "its name"),
        ("version", 1),
    ],
)
@pytest.mark.parametrize("told", [True, False])
def test_what_only_adds_needs_none(path: str, value: Any, told: bool) -> None:
    assert incompatibilities(BASE, changed(path, value), told=told) == []


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("required", ["id"], "message.side may be missing now"),
        ("properties/id/type", ["string", "integer"], "message.id may now be a integer"),
    ],
)
def test_what_readers_count_on_stays_though_a_command_may_be_more_lenient(
    path: str, value: Any, says: str
) -> None:
    new = changed(path, value)
    assert any(says in one for one in incompatibilities(BASE, new, told=True))
    assert incompatibilities(BASE, new, told=False) == []


def test_a_message_type_that_is_gone_is_a_problem() -> None:
    before = baseline()
    now = deepcopy(before)
    del now[EVENTS]["copy.planned"]
    assert problems(before, now) == ["trade-agent-events copy.planned was removed"]
    assert problems(now, before) == []


def test_a_change_of_a_real_message_is_found_where_it_is() -> None:
    before = baseline()
    now = json.loads(json.dumps(before))
    del now[EVENTS]["execution.recorded"]["$defs"]["Execution"]["properties"]["fillPrice"]
    found = problems(before, now)
    assert found == ["trade-agent-events execution.recorded: message.payload.execution.fillPrice was removed"]
