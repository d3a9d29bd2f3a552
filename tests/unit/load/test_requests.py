"""The generator's requests are the protocol's, as its own readers see them."""

from typing import Any

import pytest

from kopitra.protocol.inbox import read_inbox
from kopitra.protocol.parsing import Body
from kopitra.protocol.signals import read_execution, read_signals
from tests.load.generator.requests import Caller
from tests.load.jobs import Seat

CALLER = Caller(Seat("leader", "a-token"))
ORDER: dict[str, Any] = {
    "commandId": "o-1",
    "action": "open",
    "symbol": "EURUSD",
    "side": "buy",
    "volume": "0.50",
}


def parts(request: bytes) -> tuple[str, dict[str, str], bytes]:
    """The request line, the headers by lower-case name, the body."""
    head, _, body = request.partition(b"\r\n\r\n")
    line, *lines = head.decode().split("\r\n")
    named = dict(header.split(": ", 1) for header in lines)
    return line, {name.lower(): value for name, value in named.items()}, body


def test_a_signal_reads_as_an_open_and_as_its_close() -> None:
    line, headers, body = parts(CALLER.signal("p1", "open"))
    assert line == "POST /trade-agent/v1/signals HTTP/1.1"
    assert headers["x-tradeagent-account"] == "leader"
    assert headers["authorization"] == "Bearer a-token"
    assert int(headers["content-length"]) == len(body)
    ((opening,), batch) = read_signals(Body(body))
    ((closing,), _) = read_signals(Body(parts(CALLER.signal("p1", "close"))[2]))
    assert not batch
    assert (opening.action, opening.volume_after) == ("open", 1)
    assert (closing.action, closing.volume_after) == ("close", 0)
    assert closing.ordinal == opening.ordinal + 1


def test_every_request_has_a_key_of_its_own() -> None:
    keys = {parts(CALLER.heartbeat())[1]["idempotency-key"] for _ in range(3)}
    assert len(keys) == 3


@pytest.mark.parametrize(("action", "entry"), [("open", "in"), ("close", "out")])
def test_a_follower_reports_a_whole_fill(action: str, entry: str) -> None:
    execution = read_execution(Body(parts(CALLER.execution(ORDER | {"action": action}, 7))[2]))
    assert (execution.entry, execution.deal_id, execution.command_id) == (entry, 7, "o-1")


def test_heartbeats_and_acknowledgements_read_as_inbox_events() -> None:
    ack = CALLER.inbox("OutboxAck", {"eventId": "main-1", "status": "executed"})
    for request, name in ((CALLER.heartbeat(), "Heartbeat"), (ack, "OutboxAck")):
        (item,) = read_inbox(Body(parts(request)[2]))
        assert type(item.payload).__name__ == name


def test_a_poll_asks_for_what_lies_behind_its_cursor() -> None:
    line, headers, body = parts(CALLER.poll(41, wait=0))
    assert line == "GET /trade-agent/v1/sessions/current/outbox?cursor=41&limit=100&wait=0 HTTP/1.1"
    assert "idempotency-key" not in headers
    assert not body
