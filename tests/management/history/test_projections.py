"""Read models are a function of what was told, not of the order or the number of times it came in."""

from itertools import cycle, repeat
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from kopitra.domain.orders import Side
from kopitra.protocol.event_messages import TWINS
from kopitra.simulation.blobs import MemoryBlobs
from kopitra.simulation.virtual_time import VirtualTime, run_virtual
from kopitra_functions.history.projecting.projector import PROJECTIONS
from kopitra_functions.history.writing import Prepared
from tests.management.history.scriptorium import Rows, prepared, written
from tests.management.history.streams import golden, played, published

ONLY_EVENTS = {
    "account.configured",
    "group.configured",
    "subscription.configured",
    "settings.configured",
    "config.stale",
    "item.acknowledged",
    "correction.proposed",
    "correction.decided",
    "correction.withdrawn",
    "inbox.recorded",
    "snapshot.seen",
    "trading.resumed",
    "guard.marked",
    "guard.sum_marked",
    "guard.reset",
    "leader.heard",
    "resync.requested",
}
"""Types that are kept as events, and make no other rows."""


@pytest.fixture(scope="module")
def everything() -> list[Prepared]:
    """Every event type there is."""

    async def main(time: VirtualTime) -> list[Prepared]:
        blobs = MemoryBlobs(time)
        return await prepared(await published(golden(), blobs), blobs)

    return run_virtual(1, main)


@pytest.fixture(scope="module")
def in_order(everything: list[Prepared], tmp_path_factory: pytest.TempPathFactory) -> Rows:
    return written(tmp_path_factory.mktemp("history"), "in-order", everything, repeat(200))[0]


def shuffled(messages: list[Prepared], seed: int) -> list[Prepared]:
    """Every message at least once, some of them again, in any order."""
    chance = Random(seed)
    mixed = messages + chance.choices(messages, k=len(messages) // 8)
    chance.shuffle(mixed)
    return mixed


def test_every_type_has_rows_of_its_own_or_is_said_to_have_none() -> None:
    types = {str(event.__struct_config__.tag) for event in TWINS}
    assert types - PROJECTIONS.keys() == ONLY_EVENTS & types
    assert PROJECTIONS.keys() <= types


def test_every_decision_knows_its_leaders_symbol(in_order: Rows) -> None:
    symbols = {run["run_id"]: run["symbol"] for run in in_order["runs"] if run["symbol"] is not None}
    known = [decision for decision in in_order["decisions"] if decision["run_id"] in symbols]
    assert {decision["cause"] for decision in known} > {"signal"}
    for decision in known:
        assert decision["leader_symbol"] == symbols[decision["run_id"]]


@pytest.mark.parametrize("repetition", range(2))
def test_any_order_and_any_repetition_gives_the_same_rows(
    everything: list[Prepared], in_order: Rows, tmp_path: Path, seed: int, repetition: int
) -> None:
    mixed = shuffled(everything, seed + repetition)
    rows, _ = written(tmp_path, "mixed", mixed, cycle((1, 250, 40)))
    for table in in_order:
        assert rows[table] == in_order[table], table


def test_any_part_of_a_stream_converges_as_well(
    everything: list[Prepared], tmp_path: Path, seed: int
) -> None:
    """What came before may be missing: parents that never come, children of what is not known."""
    chance = Random(seed)
    for number in range(3):
        start = chance.randrange(len(everything) - 120)
        part = everything[start : start + 120]
        plain, _ = written(tmp_path, f"plain-{number}", part, repeat(30))
        mixed, _ = written(tmp_path, f"mixed-{number}", shuffled(part, seed + number), cycle((1, 7, 50)))
        assert mixed == plain


def test_every_event_is_kept_with_its_payload_as_it_was_published(
    everything: list[Prepared], in_order: Rows
) -> None:
    kept = {row["sequence"]: row for row in in_order["events"]}
    for one in everything:
        assert one.told.place is not None
        row = kept.pop(one.told.place.sequence)
        assert row["payload"] == msgspec.json.decode(one.told.payload)
        assert (row["tenant"], row["message_type"]) == (one.told.tenant, one.told.message_type)
    assert kept == {}


def orders_in(value: Any) -> set[str]:
    """Ids of the orders anywhere in a payload, but for what is only proposed."""
    if isinstance(value, dict):
        found: set[str] = set().union(*(orders_in(v) for k, v in value.items() if k != "proposal"))  # type: ignore[misc]
        order: Any = value.get("order")  # type: ignore[misc]
        return found | ({order["commandId"]} if isinstance(order, dict) else set())
    if isinstance(value, list):
        return set().union(*map(orders_in, value))  # type: ignore[arg-type]
    return set()


def test_every_order_of_any_event_is_a_row_that_knows_its_event(
    everything: list[Prepared], in_order: Rows
) -> None:
    ordered: dict[str, int] = {}
    for one in everything:
        assert one.told.place is not None
        for command in orders_in(msgspec.json.decode(one.told.payload)):
            ordered.setdefault(command, one.told.place.sequence)
    rows = {row["command_id"]: row["sequence"] for row in in_order["orders"] if row["cause"] != "adopted"}
    assert rows == ordered


def test_every_row_belongs_to_a_tenant_once_its_account_is_known(in_order: Rows) -> None:
    for table in ("orders", "trades", "executions", "runs", "incidents", "sessions_log"):
        assert {row["tenant"] for row in in_order[table]} <= {"tenant", "elsewhere"}, table


def test_slippage_is_positive_where_the_one_who_traded_is_worse_off(tmp_path: Path, seed: int) -> None:
    """Through a real agent and a real broker: deals at the quote, against the price that the leader had."""

    async def main(time: VirtualTime) -> Rows:
        platform = await played(time)
        messages = [one.message for one in await platform.queues.events.peek(10_000)]
        return written(tmp_path, "played", await prepared(messages, platform.blobs), repeat(100))[0]

    rows = run_virtual(seed, main)
    orders = {row["command_id"]: row for row in rows["orders"]}
    runs = {row["run_id"]: row for row in rows["runs"]}
    measured = 0
    for deal in rows["executions"]:
        order = orders.get(deal["command_id"])
        if order is None or deal["slippage"] is None:
            continue
        against = order["reference_price"] or runs[order["run_id"]]["price"]
        worse = deal["fill_price"] - against
        assert deal["slippage"] == (worse if deal["side"] == Side.BUY else -worse)
        measured += 1
        if deal["entry"] == "out":
            assert deal["side"] != order["side"], "a deal that closes trades the other way"
    assert measured >= 6
    assert {sample["stage"] for sample in rows["latency_samples"]} == {
        "signal_to_record",
        "record_to_ack",
        "record_to_execution",
        "signal_to_execution",
    }
    assert all(sample["milliseconds"] >= 0 for sample in rows["latency_samples"])
