"""What the accounts do all day: leaders trade, followers copy, reporters report, doors open and close."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

from tests.integration.faults.traffic import PAUSE_SECONDS, Terminal, now

SYMBOL = {
    "symbol": "EURUSD",
    "digits": 5,
    "contractSize": "100000",
    "volumeMin": "0.01",
    "volumeMax": "100",
    "volumeStep": "0.01",
    "baseCurrency": "EUR",
    "profitCurrency": "USD",
}

Turn = Callable[[Terminal], Awaitable[None]]


async def for_ever(terminal: Terminal, turn: Turn, repeats: float = 0.05) -> None:
    """Turn after turn, now and then repeating an old request."""
    while True:
        await turn(terminal)
        if terminal.traffic.random.random() < repeats:
            await terminal.repeat_any()
        await asyncio.sleep(PAUSE_SECONDS)


async def tell_symbols(terminal: Terminal) -> None:
    event = {"eventType": "ea.symbol_catalog", "payload": {"symbols": [SYMBOL]}}
    answer = await terminal.keyed("catalogue", "/sessions/current/inbox", {"events": [event]}, ())
    assert answer.status == 202, answer


def leader(stream: str) -> Turn:
    """Opens positions, changes and closes them, as one stream of signals."""
    ordinals, positions = count(1), count(1)
    held: list[str] = []

    async def send(terminal: Terminal, action: str, ref: str, **changes: Any) -> None:
        ordinal = next(ordinals)
        signal = f"{stream}-{ordinal}"
        body = {
            "signalId": signal,
            "action": action,
            "positionRef": ref,
            "symbol": "EURUSD",
            "side": "buy",
            "volume": "1",
            "volumeAfter": "0" if action == "close" else "1",
            "price": "1.1",
            "account": {"balance": "10000", "currency": "USD"},
            "occurredAt": now(),
            "streamId": stream,
            "ordinal": ordinal,
        } | changes
        answer = await terminal.keyed("signal", "/signals", body, (signal,))
        assert answer.status == 202, answer
        assert answer.json["status"] == "accepted", answer

    async def turn(terminal: Terminal) -> None:
        if len(held) < 3:
            held.append(f"{stream}-position-{next(positions)}")
            await send(terminal, "open", held[-1])
        elif terminal.traffic.random.random() < 0.5:
            stop = f"1.0{terminal.traffic.random.randrange(10, 99)}"
            await send(terminal, "modify", terminal.traffic.random.choice(held), stopLoss=stop)
        else:
            await send(terminal, "close", held.pop(0))

    return turn


def follower(tickets: "count[int]") -> Turn:
    """Does what its outbox says, reports the deal, acknowledges; a command that comes again is done once."""
    cursor = 0
    done: set[str] = set()

    async def turn(terminal: Terminal) -> None:
        nonlocal cursor
        answer = await terminal.poll(cursor, wait=1)
        for event in answer["events"]:
            order = event["payload"].get("order", event["payload"])
            command = order.get("commandId")
            if command is None or command in done:
                continue
            done.add(command)
            if order["action"] in ("open", "close"):
                await _report(terminal, order, next(tickets))
            await _acknowledge(terminal, event["eventId"])
        cursor = answer["cursor"]

    return turn


async def _report(terminal: Terminal, order: dict[str, Any], ticket: int) -> None:
    opening = order["action"] == "open"
    deal = f"deal-{ticket}"
    body = {
        "commandId": order["commandId"],
        "status": "filled",
        "entry": "in" if opening else "out",
        "symbol": order["symbol"],
        "side": order["side"],
        "orderTicket": ticket,
        "dealId": deal,
        "positionId": ticket if opening else order.get("positionId", ticket),
        "fillVolume": order["volume"],
        "fillPrice": "1.1",
        "executedAt": now(),
    }
    answer = await terminal.keyed("execution", "/executions", body, (deal,))
    assert answer.status == 200, answer


async def _acknowledge(terminal: Terminal, event_id: str) -> None:
    event = {"eventType": "OutboxAck", "payload": {"eventId": event_id, "status": "executed"}}
    answer = await terminal.keyed("ack", "/sessions/current/inbox", {"events": [event]}, ())
    assert answer.status == 202, answer


def reporter(name: str) -> Turn:
    """Sends batches of durable events."""
    numbers = count(1)

    async def turn(terminal: Terminal) -> None:
        ids = tuple(f"{name}-{next(numbers)}" for _ in range(terminal.traffic.random.randint(1, 4)))
        events = [
            {"eventType": "ea.error", "eventId": each, "payload": {"code": "note", "message": each}}
            for each in ids
        ]
        answer = await terminal.keyed("inbox", "/sessions/current/inbox", {"events": events}, ids)
        assert answer.json["durable"] is True, answer

    return turn


async def door(terminal: Terminal) -> None:
    """Opens a session, which ends the one before, and shows that its token opens the outbox."""
    await terminal.open()
    await terminal.poll(0, wait=0)
