"""A catalogue of 3,000 symbols and a book of 2,000 positions pass through a real server in parts."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from kopitra.machine.events import BookOwnerKnown, CatalogKept, SnapshotSeen
from kopitra.machine.replay import new_state, replay
from kopitra.machine.state import State
from kopitra.protocol.limits import MAX_BODY_BYTES
from tests.fixtures.wire import Answer
from tests.integration.faults import configuration
from tests.integration.faults.lives import Life
from tests.integration.faults.recorded import Record, open_file
from tests.integration.faults.roles import SYMBOL
from tests.integration.faults.traffic import Terminal, Traffic, now

SYMBOLS = 3_000
POSITIONS = 2_000
PARTS = 8


@pytest.fixture
async def life(tmp_path: Path) -> AsyncIterator[Life]:
    life = Life("counterparty", tmp_path)
    life.start()
    await life.serving()
    yield life
    life.close()


@pytest.fixture
async def ea(life: Life, tmp_path: Path) -> Terminal:
    await configuration.publish(tmp_path, configuration.accounts(["large", "follower"]))
    await configuration.publish(tmp_path, configuration.copying("group", ["large"], ["follower"]))
    terminal = Terminal(Traffic(lambda: (life.port,), Random(1)), "large")
    await terminal.enrol_once_published()
    await terminal.open()
    return terminal


def split(things: Sequence[Any]) -> list[Sequence[Any]]:
    size = -(-len(things) // PARTS)
    return [things[at : at + size] for at in range(0, len(things), size)]


def catalogue(name: str) -> list[dict[str, Any]]:
    symbols = [SYMBOL | {"symbol": f"SYMBOL-{number:04}"} for number in range(SYMBOLS)]
    return [
        {"symbols": part, "catalogId": name, "part": number, "parts": PARTS}
        for number, part in enumerate(split(symbols), 1)
    ]


def book(snapshot: str) -> list[dict[str, Any]]:
    positions = [
        {
            "ticket": 1_000_000 + number,
            "positionId": 1_000_000 + number,
            "symbol": "SYMBOL-0001",
            "side": "buy",
            "volume": "0.01",
            "price": "1.1",
            "openTime": now(),
            "comment": f"position {number}",
        }
        for number in range(POSITIONS)
    ]
    return [
        {
            "login": 1,
            "server": "Broker-Live",
            "connected": True,
            "synchronised": True,
            "snapshotId": snapshot,
            "positions": part,
            "part": number,
            "parts": PARTS,
        }
        for number, part in enumerate(split(positions), 1)
    ]


async def send(ea: Terminal, kind: str, parts: Sequence[dict[str, Any]]) -> list[Answer]:
    answers: list[Answer] = []
    for payload in parts:
        body = {"events": [{"eventType": kind, "payload": payload}]}
        assert len(msgspec.json.encode(body)) < MAX_BODY_BYTES
        answers.append(await ea.keyed("part", "/sessions/current/inbox", body, ()))
    return answers


async def machine_state(folder: Path) -> State:
    """The machine, rebuilt from the journal's own bytes."""
    journal = await open_file(folder)
    frames = [frame async for commit in journal.read() for frame in commit]
    await journal.close()
    return replay(new_state(journal.journal_id, "main"), frames)


async def test_half_a_set_is_never_applied_and_a_whole_one_is_known_to_the_machine(
    life: Life, ea: Terminal, tmp_path: Path
):
    halves = await send(ea, "ea.symbol_catalog", catalogue("first")[: PARTS // 2])
    halves += await send(ea, "ea.position_snapshot", book("first")[: PARTS // 2])
    assert {(answer.status, answer.json["durable"]) for answer in halves} == {(202, False)}
    life.kill()
    life.start()
    await life.serving()
    halves = await send(ea, "ea.symbol_catalog", catalogue("first")[PARTS // 2 :])
    halves += await send(ea, "ea.position_snapshot", book("first")[PARTS // 2 :])
    assert {(answer.status, answer.json["durable"]) for answer in halves} == {(202, False)}
    record = await Record.in_folder(tmp_path)
    assert not [each for kind in (CatalogKept, SnapshotSeen, BookOwnerKnown) for each in record.all(kind)]

    *parts, whole = await send(ea, "ea.symbol_catalog", catalogue("second"))
    assert not any(answer.json["durable"] for answer in parts)
    assert whole.json["durable"] is True
    *parts, whole = await send(ea, "ea.position_snapshot", list(reversed(book("second"))))
    assert not any(answer.json["durable"] for answer in parts)
    assert whole.json["durable"] is True
    life.kill()
    account = (await machine_state(tmp_path)).accounts[ea.account]  # type: ignore[index]
    assert len(account.catalog) == SYMBOLS
    seen = [event for _, event in (await Record.in_folder(tmp_path)).all(SnapshotSeen)]
    assert [(event.valid, event.positions) for event in seen] == [(True, POSITIONS)]
