"""Events as bytes: versioned, and lifted from older versions one step at a time."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from kopitra.domain.identifiers import AccountId, RequestId
from kopitra.domain.telemetry import BalanceOperation
from kopitra.machine.codec import EVENTS, SCHEMA_VERSION, UPCASTERS, EventCodec, FrameUnreadable
from kopitra.machine.events import BalanceChanged, InboxRecorded, Recorded, StaleIgnored
from tests.unit.machine.driven import NOW

PLAIN = Recorded(7, 7, NOW, StaleIgnored(scope="group:g", revision=1, current=2), RequestId("r"), "operator")


def encoded(version: int, plain: object) -> bytes:
    return bytes((version,)) + msgspec.msgpack.encode(plain)


def test_an_event_comes_back_as_it_went():
    assert EVENTS.decode(EVENTS.encode(PLAIN)) == PLAIN


def test_decimals_keep_their_digits_and_times_their_instant():
    elsewhere = timezone(timedelta(hours=2))
    operation = BalanceOperation(
        deal_id=1,
        kind="deposit",
        amount=Decimal("1000.500"),
        currency="USD",
        executed_at=datetime(2026, 1, 5, 14, 0, 0, 123000, tzinfo=elsewhere),
    )
    event = BalanceChanged(account=AccountId("a"), operation=operation)
    again = EVENTS.decode(EVENTS.encode(Recorded(1, 1, NOW, event))).event
    assert isinstance(again, BalanceChanged)
    assert str(again.operation.amount) == "1000.500"
    assert again.operation.executed_at == datetime(2026, 1, 5, 12, 0, 0, 123000, tzinfo=UTC)


def test_bytes_keep_what_they_hold():
    event = InboxRecorded(account=AccountId("a"), event_type="any", payload=bytes(range(256)))
    again = EVENTS.decode(EVENTS.encode(Recorded(1, 1, NOW, event))).event
    assert isinstance(again, InboxRecorded)
    assert again.payload == bytes(range(256))


def test_every_frame_says_its_version_and_every_older_version_can_be_lifted():
    assert EVENTS.encode(PLAIN)[0] == SCHEMA_VERSION
    oldest = min(UPCASTERS, default=SCHEMA_VERSION)
    assert sorted(UPCASTERS) == list(range(oldest, SCHEMA_VERSION))


def test_an_event_of_version_0_is_lifted_to_version_1():
    """A synthetic history: version 0 called the scope `target`, and knew no current revision."""

    def lift(plain: list[Any]) -> list[Any]:
        event = dict(plain[3])
        event["scope"] = event.pop("target")
        event["current"] = event["revision"] + 1
        return [*plain[:3], event, *plain[4:]]

    old = [7, 7, NOW, {"t": "config.stale", "target": "group:g", "revision": 1}, "r", "operator"]
    codec = EventCodec(version=1, upcasters={0: lift})
    assert codec.decode(encoded(0, old)) == PLAIN
    assert codec.decode(codec.encode(PLAIN)) == PLAIN


def test_versions_are_lifted_one_after_another():
    def named(step: str) -> Any:
        def lift(plain: list[Any]) -> list[Any]:
            return [*plain[:3], {**plain[3], "scope": plain[3]["scope"] + step}, *plain[4:]]

        return lift

    codec = EventCodec(version=3, upcasters={1: named(",1to2"), 2: named(",2to3")})
    event = codec.decode(encoded(1, PLAIN)).event
    assert isinstance(event, StaleIgnored)
    assert event.scope == "group:g,1to2,2to3"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty frame"),
        (encoded(SCHEMA_VERSION + 1, PLAIN), "newer than this release's"),
        (EVENTS.encode(PLAIN)[:-1], "no event of schema version"),
        (encoded(SCHEMA_VERSION, {"not": "an event"}), "no event of schema version"),
        (encoded(SCHEMA_VERSION, [1, 1, NOW, {"t": "never.heard.of"}]), "never.heard.of"),
    ],
)
def test_what_is_no_known_event_is_refused_with_a_reason(data: bytes, why: str):
    with pytest.raises(FrameUnreadable, match=why):
        EVENTS.decode(data)


def test_a_version_without_a_lift_is_refused():
    with pytest.raises(FrameUnreadable, match="nothing lifts schema version 1"):
        EventCodec(version=2, upcasters={}).decode(encoded(1, PLAIN))


@pytest.mark.parametrize("version", [-1, 256])
def test_a_version_has_to_fit_its_byte(version: int):
    with pytest.raises(ValueError, match="from 0 to 255"):
        EventCodec(version=version)
