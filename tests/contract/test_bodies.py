"""What a request's body may hold, and how a refusal names the place."""

import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from kopitra.domain.trading import Signal
from kopitra.protocol.inbox import read_inbox
from kopitra.protocol.limits import MAX_BODY_BYTES
from kopitra.protocol.parsing import Body
from kopitra.protocol.problems import Rejected
from kopitra.protocol.signals import read_execution, read_signals

SIGNAL: dict[str, Any] = {
    "signalId": "s-1",
    "action": "open",
    "positionRef": "Demo:1:77",
    "symbol": "EURUSD",
    "side": "buy",
    "volume": "0.10",
    "volumeAfter": "0.10",
    "account": {"balance": "10000", "currency": "USD"},
    "occurredAt": "2026-01-05T02:00:00.123456+02:00",
    "streamId": "abc",
    "ordinal": 3,
}
EXECUTION: dict[str, Any] = {
    "status": "filled",
    "symbol": "EURUSD",
    "side": "buy",
    "executedAt": "2026-01-05T00:00:00Z",
    "commandId": "o-1",
}


def body(value: object) -> Body:
    return Body(msgspec.json.encode(value))


def signal(**changes: object) -> Signal:
    return read_signals(body(SIGNAL | changes))[0][0]


def refusal(call: Any) -> Rejected:
    with pytest.raises(Rejected) as caught:
        call()
    return caught.value


def test_a_signal_is_read_with_its_time_in_utc_milliseconds() -> None:
    taken = signal()
    assert taken.occurred_at == datetime(2026, 1, 5, 0, 0, 0, 123000, UTC)
    assert taken.occurred_at.tzinfo is UTC
    assert taken.volume == Decimal("0.10")


@pytest.mark.parametrize(
    ("given", "read"), [(1.5, "1.5"), (2, "2"), ("1E+3", "1000"), ("-0", "0"), ("007.10", "7.10")]
)
def test_numbers_and_odd_notations_are_normalised(given: object, read: str) -> None:
    assert str(signal(price=given).price) == read


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"volume": "NaN"}, "$.volume"),
        ({"volume": "-1"}, "$.volume"),
        ({"volume": "1e400"}, "$.volume"),
        ({"volume": "Infinity"}, "$.volume"),
        ({"price": "0.12345678901"}, "$.price"),
        ({"symbol": "E" * 61}, "$.symbol"),
        ({"signalId": "s" * 129}, "$.signalId"),
        ({"ageMs": -1}, "$.ageMs"),
        ({"ageMs": 10**13}, "$.ageMs"),
        ({"ordinal": 2**63}, "$.ordinal"),
        ({"magic": -(2**64)}, "$.magic"),
        ({"dealId": 2**70}, "$.dealId"),
        ({"occurredAt": "2026-01-05T00:00:00"}, "$.occurredAt"),
        ({"occurredAt": "0001-01-01T00:00:00+23:59"}, "$.occurredAt"),
        ({"account": {"balance": "x", "currency": "USD"}}, "$.account.balance"),
        ({"side": "long"}, "$.side"),
    ],
)
def test_a_value_out_of_bounds_is_refused_at_its_place(changes: dict[str, object], path: str) -> None:
    problem = refusal(lambda: signal(**changes))
    assert (problem.status, problem.code) == (422, "validation_failed")
    assert [error.path for error in problem.errors] == [path]


def test_a_batch_names_the_item_that_is_wrong() -> None:
    problem = refusal(lambda: read_signals(body({"signals": [SIGNAL, SIGNAL | {"side": 1}]})))
    assert problem.errors[0].path == "$.signals[1].side"


def test_batches_have_a_least_and_a_greatest_size() -> None:
    assert refusal(lambda: read_signals(body({"signals": []}))).code == "validation_failed"
    assert refusal(lambda: read_signals(body({"signals": [SIGNAL] * 101}))).code == "batch_too_large"
    assert len(read_signals(body({"signals": [SIGNAL] * 100}))[0]) == 100
    event: dict[str, object] = {"eventType": "ea.heartbeat", "payload": {}}
    assert refusal(lambda: read_inbox(body({"events": [event] * 501}))).code == "batch_too_large"


@pytest.mark.parametrize("raw", [b"", b"{", b"nope", b'"\xff"', b'{"a":1}x', b"[" * 5000, b'"\\ud800"'])
def test_what_is_not_json_is_refused_as_that(raw: bytes) -> None:
    assert refusal(lambda: Body(raw)).code == "body_malformed"


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'])
def test_nesting_above_the_limit_is_refused_whatever_the_brackets(opening: bytes) -> None:
    closing = {b"[": b"]", b'{"a":': b"}", b'[{"a":': b"}]"}[opening]
    levels = opening.count(b"[") + opening.count(b"{")
    fits, over = 32 // levels, 33 // levels + levels - 1
    Body(opening * fits + b"1" + closing * fits)
    Body(b"[" + b",".join([b'["}]{["]'] * 400) + b"]")
    assert refusal(lambda: Body(opening * over + b"1" + closing * over)).code == "body_too_deep"


def test_the_worst_body_is_judged_quickly() -> None:
    worst = b"[" * 40 + b"{}," * 80_000 + b"1" + b"]" * 40
    assert len(worst) < MAX_BODY_BYTES
    started = time.perf_counter()
    assert refusal(lambda: Body(worst)).code == "body_too_deep"
    assert time.perf_counter() - started < 0.5


def test_a_body_above_the_limit_is_refused() -> None:
    assert refusal(lambda: Body(b" " * (MAX_BODY_BYTES + 1))).status == 413


def test_bodies_that_mean_the_same_have_the_same_normal_form() -> None:
    assert Body(b'{"b": 1.20, "a": [1]}').normal() == Body(b'{"a":[1],"b":1.2}').normal()
    assert Body(b'{"a":1}').normal() != Body(b'{"a":2}').normal()


def test_a_fill_needs_ticket_volume_and_price() -> None:
    problem = refusal(lambda: read_execution(body(EXECUTION)))
    assert {error.path for error in problem.errors} == {"$.orderTicket", "$.fillVolume", "$.fillPrice"}
    notice = {"eventType": "ea.execution_notice", "payload": {"executions": [EXECUTION]}}
    problem = refusal(lambda: read_inbox(body({"events": [notice]})))
    assert problem.errors[0].path == "$.events[0].payload.executions[0].orderTicket"
    assert read_execution(body(EXECUTION | {"status": "rejected"})).order_ticket is None


def test_a_malformed_payload_of_a_known_type_is_refused_and_an_unknown_type_passes() -> None:
    ack: dict[str, object] = {"eventType": "OutboxAck", "payload": {}}
    problem = refusal(lambda: read_inbox(body({"events": [ack]})))
    assert problem.errors[0].path == "$.events[0].payload"
    (item,) = read_inbox(body({"events": [{"eventType": "ea.weather", "payload": [1]}]}))
    assert item.payload is None


@pytest.mark.parametrize(("part", "parts"), [(0, 1), (2, 1), (1, 65)])
def test_parts_count_from_one_to_a_limit(part: int, parts: int) -> None:
    catalog: dict[str, object] = {
        "eventType": "ea.symbol_catalog",
        "payload": {"symbols": [], "part": part, "parts": parts},
    }
    assert refusal(lambda: read_inbox(body({"events": [catalog]}))).status == 422
