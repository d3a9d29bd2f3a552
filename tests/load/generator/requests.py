"""The bytes of an EA's requests."""

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count
from uuid import uuid4

import msgspec

from kopitra.protocol import headers
from kopitra.protocol.limits import BASE_PATH
from tests.load.jobs import LEADING_VOLUME, Seat

POLL_WAIT_SECONDS = 25

_run = uuid4().hex[:8]
"""Two generators on one journal must not repeat each other's keys and positions."""
_keys = count(1)


class Caller:
    """Writes one seat's requests."""

    def __init__(self, seat: Seat) -> None:
        common = (
            f"host: localhost\r\n{headers.ACCOUNT}: {seat.account}\r\nauthorization: Bearer {seat.token}\r\n"
        )
        self.account = seat.account
        self._common = common.encode()
        self._ordinals = count(1)

    def poll(self, cursor: int, wait: int = POLL_WAIT_SECONDS) -> bytes:
        line = f"GET {BASE_PATH}/sessions/current/outbox?cursor={cursor}&limit=100&wait={wait} HTTP/1.1\r\n"
        return line.encode() + self._common + b"\r\n"

    def post(self, path: str, body: object) -> bytes:
        content = msgspec.json.encode(body)
        line = f"POST {BASE_PATH}{path} HTTP/1.1\r\n"
        rest = (
            f"{headers.IDEMPOTENCY_KEY}: {_run}-{next(_keys)}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(content)}\r\n\r\n"
        )
        return line.encode() + self._common + rest.encode() + content

    def signal(self, ref: str, action: str) -> bytes:
        ordinal = next(self._ordinals)
        return self.post(
            "/signals",
            {
                "signalId": f"{_run}-{ref}-{action}",
                "action": action,
                "positionRef": f"{_run}-{ref}",
                "symbol": "EURUSD",
                "side": "buy",
                "volume": LEADING_VOLUME,
                "volumeAfter": "0" if action == "close" else LEADING_VOLUME,
                "price": "1.10000",
                "stopLoss": "1.09000",
                "takeProfit": "1.12000",
                "account": {"balance": "10000", "currency": "USD"},
                "occurredAt": stamp(),
                "ageMs": 2,
                "streamId": _run,
                "ordinal": ordinal,
            },
        )

    def execution(self, order: Mapping[str, object], ticket: int) -> bytes:
        opening = order["action"] == "open"
        return self.post(
            "/executions",
            {
                "commandId": order["commandId"],
                "status": "filled",
                "entry": "in" if opening else "out",
                "symbol": order["symbol"],
                "side": order["side"],
                "orderTicket": ticket,
                "dealId": ticket,
                "positionId": ticket if opening else order.get("positionId", ticket),
                "fillVolume": order["volume"],
                "fillPrice": "1.10003",
                "executedAt": stamp(),
            },
        )

    def inbox(self, event_type: str, payload: object) -> bytes:
        return self.post(
            "/sessions/current/inbox", {"events": [{"eventType": event_type, "payload": payload}]}
        )

    def heartbeat(self) -> bytes:
        beat = {"terminal": "mt5", "connected": True, "tradeAllowed": True, "pingMs": 12, "clock": stamp()}
        return self.inbox("ea.heartbeat", beat)


def stamp() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
