"""Everything that an agent says, held against the wire's types: known members only, decimals as strings, UTC times."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, cast

import msgspec

from kopitra.domain.orders import OrderType, Side
from kopitra.domain.trading import OrderAction
from kopitra.protocol.inbox import PAYLOADS
from kopitra.protocol.messages import InboxRequest, SessionRequest, SignalBatch
from kopitra.simulation.virtual_time import VirtualTime
from kopitra_agent.ports.transport import Request
from kopitra_agent.settings import Role
from tests.unit.agent.broker import limit_order
from tests.unit.agent.scene import Scene, order, play

DECIMAL = re.compile(r"-?\d+(\.\d+)?")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
FORMATS = dict.fromkeys(
    (
        *("volume", "volumeBefore", "volumeAfter", "price", "stopLoss", "takeProfit", "bid", "ask", "amount"),
        *(
            "balance",
            "equity",
            "margin",
            "freeMargin",
            "profit",
            "commission",
            "swap",
            "fillVolume",
            "fillPrice",
        ),
        *("contractSize", "volumeMin", "volumeMax", "volumeStep"),
    ),
    DECIMAL,
) | dict.fromkeys(("occurredAt", "executedAt", "openTime", "orderExpiresAt", "retryAt", "clock", "at"), TIME)


async def busy_life(world: VirtualTime) -> list[Request]:
    """An agent that leads and follows, with a bit of everything; all that it sent."""
    scene = Scene(world, Role.BOTH)
    broker, server = scene.broker, scene.server
    async with scene.running():
        await scene.until(lambda: len(server.told) > 5)
        limit = OrderType.LIMIT
        for given in (
            order(1, stop_loss="1.05", reference_price=Decimal("1.1"), max_drift=Decimal("0.1")),
            order(2, OrderAction.PARTIAL_CLOSE, copy=1, target="0.40"),
            order(3, order_type=limit, price="1.05"),
            order(4, OrderAction.CANCEL, copy=3, order_type=limit),
            order(5, OrderAction.CLOSE, copy=1),
            order(6, OrderAction.CLOSE, copy=6),
        ):
            item = server.command(given)
            await scene.until(lambda i=item: i.retired)
        own = broker.open(Side.SELL, "0.30", magic=4)
        broker.set_stops(own.ticket, "1.30", "0.90")
        resting = limit_order(broker)
        broker.place(resting)
        broker.deposit("100.50")
        broker.trade_allowed = False
        await world.sleep(5)
        broker.fill(resting.ticket)
        broker.close(own.ticket)
        server.post("resync.requested", {})
        await world.sleep(40)
    return [request for _, request in server.calls]


def messages(requests: list[Request]) -> Iterator[tuple[type[Any], bytes]]:
    """Each JSON document with the type that it must have; an inbox event's payload on its own."""
    for request in requests:
        if request.body is None or request.path.endswith("/release"):
            continue
        if request.path.endswith("/inbox"):
            batch = msgspec.json.decode(request.body, type=InboxRequest)
            yield InboxRequest, request.body
            yield from ((PAYLOADS[event.event_type], bytes(event.payload)) for event in batch.events)
        else:
            yield (SignalBatch if request.path.endswith("/signals") else SessionRequest), request.body


def members(document: object) -> Iterator[tuple[str, object]]:
    """Every member, however deep."""
    if isinstance(document, dict):
        for name, value in cast("dict[str, object]", document).items():
            yield name, value
            yield from members(value)
    elif isinstance(document, list):
        for value in cast("list[object]", document):
            yield from members(value)


def test_every_message_has_the_members_of_its_type_and_no_others():
    seen: set[type[Any]] = set()
    for kind, document in messages(play(busy_life)):
        seen.add(kind)
        assert msgspec.json.decode(msgspec.json.encode(msgspec.json.decode(document, type=kind))) == (
            msgspec.json.decode(document)
        )
    assert seen == {InboxRequest, SessionRequest, SignalBatch, *PAYLOADS.values()} - {PAYLOADS["ea.error"]}


def test_figures_are_decimal_strings_and_times_are_utc():
    for _, document in messages(play(busy_life)):
        for name, value in members(msgspec.json.decode(document)):
            if name in FORMATS and value is not None:
                assert isinstance(value, str), f"{name}: {value}"
                assert FORMATS[name].fullmatch(value), f"{name}: {value}"


def test_the_same_world_makes_the_same_agent_say_the_same_bytes():
    first, second = ([(r.path, r.headers, r.body) for r in play(busy_life)] for _ in range(2))
    assert first == second
