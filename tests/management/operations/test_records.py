"""Lists of what was recorded: newest first, by pages and filters, of one tenant, and each by an index."""

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection

from kopitra.domain.arithmetic import Arithmetic
from kopitra.domain.explanations import explained
from kopitra.domain.skips import SkipReason
from kopitra.machine.copy_events import Outcome
from kopitra_functions.http.reasons import OUTCOMES, REASONS, explanation
from kopitra_functions.http.records import Records, selections
from kopitra_functions.http.routes.decisions import DECISIONS
from kopitra_functions.http.routes.notifications import NOTIFICATIONS
from kopitra_functions.http.routes.records import LISTS
from kopitra_functions.http.routes.run_history import parts_of
from kopitra_functions.sql.paging import page
from tests.management.operations.rows import (
    add,
    add_tenants,
    at,
    decisions,
    execution,
    executions,
    notifications,
    orders,
    runs,
    trades,
)
from tests.management.plans import assert_uses_index
from tests.management.world import EVERYBODY, OTHER, TENANT, Managed

ALL = (*LISTS, DECISIONS, NOTIFICATIONS)


def row(records: Records, number: int, **changes: Any) -> dict[str, Any]:
    """A row at this minute, unique in the list's order."""
    time, *rest = records.order
    unique: dict[str, Any] = {
        column.name: number if column.type.python_type is int else f"id-{number:04}" for column in rest
    }
    return {time.name: at(number), **unique} | changes


def ids(records: Records, answer: Any) -> list[Any]:
    names = [column.name for column in records.order]
    name = "sequence" if "sequence" in names else names[-1]
    head, *parts = name.split("_")
    return [item[head + "".join(part.capitalize() for part in parts)] for item in answer.json["items"]]


@pytest.mark.parametrize("records", ALL, ids=lambda records: records.name)
async def test_a_list_is_newest_first_and_goes_on_where_a_page_ended(
    house: Managed, records: Records
) -> None:
    await add_tenants(house, TENANT, OTHER)
    await add(house, records.table, *(row(records, number) for number in range(1, 8)))
    await add(house, records.table, row(records, 100, tenant=OTHER))
    seen: list[Any] = []
    cursor = ""
    for _ in range(3):
        answer = await house.call("GET", f"/{records.name}?limit=3{cursor}", role="viewer")
        assert answer.status == 200, answer
        seen += ids(records, answer)
        cursor = f"&cursor={answer.json['cursor']}"
        if not answer.json["more"]:
            break
    assert len(seen) == 7
    assert seen == sorted(seen, reverse=True)
    other = await house.call("GET", f"/{records.name}", tenant=OTHER)
    assert len(other.json["items"]) == 1


@pytest.mark.parametrize("records", ALL, ids=lambda records: records.name)
async def test_a_period_has_a_beginning_that_counts_and_an_end_that_does_not(
    house: Managed, records: Records
) -> None:
    await add_tenants(house, TENANT)
    await add(house, records.table, *(row(records, number) for number in range(1, 8)))
    answer = await house.call("GET", f"/{records.name}?since=2026-01-05T00:03:00Z&until=2026-01-05T00:05:00Z")
    assert len(answer.json["items"]) == 2


@pytest.mark.parametrize("records", ALL, ids=lambda records: records.name)
async def test_each_filter_keeps_what_it_says(house: Managed, records: Records) -> None:
    await add_tenants(house, TENANT)
    wanted = {**records.filters, **records.narrowed}
    for number, (name, (column, _)) in enumerate(wanted.items(), 1):
        value = records.choices[name][0] if name in records.choices else f"value-{number}"
        await add(house, records.table, row(records, number, **{column.name: value}))
    for number, name in enumerate(wanted, 1):
        value = records.choices[name][0] if name in records.choices else f"value-{number}"
        answer = await house.call("GET", f"/{records.name}?{name}={value}")
        assert len(answer.json["items"]) == 1, (name, answer.json)


@pytest.mark.parametrize("records", ALL, ids=lambda records: records.name)
async def test_every_list_and_filter_uses_an_index(house: Managed, records: Records) -> None:
    def work(connection: Connection) -> None:
        for query in (
            {},
            *({name: "x"} for name in {**records.filters, **records.narrowed, **records.either}),
        ):
            for after in (None, tuple(_sample(column) for column in records.order)):
                for chosen in selections(records, TENANT, query):
                    statement = page(chosen, records.order, limit=50, after=after)
                    assert_uses_index(connection, statement, sorts=bool(set(query) & records.narrowed.keys()))

    await house.database.read(work)


def _sample(column: Any) -> Any:
    if column.type.python_type is int:
        return 1
    return at(1) if column.name.endswith("_at") else "x"


@pytest.mark.parametrize("records", ALL, ids=lambda records: records.name)
async def test_crossing_tenants_is_refused(house: Managed, records: Records) -> None:
    assert (await house.call("GET", f"/{records.name}?tenant={OTHER}")).status == 403
    unnamed = await house.call("GET", f"/{records.name}", tenant=EVERYBODY)
    assert (unnamed.status, unnamed.json["code"]) == (422, "tenant_missing")
    assert (await house.call("GET", f"/{records.name}?tenant={OTHER}", tenant=EVERYBODY)).status == 200


async def test_what_has_no_beginning_yet_is_not_shown(house: Managed) -> None:
    await add_tenants(house, TENANT)
    await add(house, runs, {"run_id": "early"}, {"run_id": "known", "started_at": at(1)})
    await add(house, trades, {"copy_id": "early"}, {"copy_id": "known", "planned_at": at(1)})
    assert [item["runId"] for item in (await house.call("GET", "/runs")).json["items"]] == ["known"]
    assert [item["copyId"] for item in (await house.call("GET", "/trades")).json["items"]] == ["known"]


async def test_money_and_times_are_written_exactly(house: Managed) -> None:
    await add_tenants(house, TENANT)
    await add(house, executions, execution(1))
    [item] = (await house.call("GET", "/executions")).json["items"]
    assert (item["fillVolume"], item["fillPrice"], item["slippage"]) == ("0.1", "1.2345", "-0.0001")
    assert (item["occurredAt"], item["profit"]) == ("2026-01-05T00:01:00.000Z", None)


async def test_why_was_i_not_copied(house: Managed) -> None:
    await add_tenants(house, TENANT)
    await add(house, runs, {"run_id": "r1", "started_at": at(1), "symbol": "EURUSD", "action": "open"})
    skipped = {
        "run_id": "r1",
        "occurred_at": at(1),
        "leader": "boss",
        "leader_symbol": "EURUSD",
        "cause": "signal",
        "outcome": "skipped",
    }
    await add(
        house,
        decisions,
        {
            **skipped,
            "sequence": 1,
            "ordinal": 0,
            "follower": "f1",
            "reason": "below_minimum",
            "detail": "0.003 lots",
        },
        {**skipped, "sequence": 1, "ordinal": 1, "follower": "f2", "reason": "halted"},
        {
            **skipped,
            "sequence": 2,
            "follower": "f1",
            "outcome": "planned",
            "symbol": "EURUSD.m",
            "run_id": "r2",
        },
    )

    async def found(query: str) -> list[tuple[str, str]]:
        answer = await house.call("GET", f"/decisions?{query}", role="viewer")
        return [(item["follower"], item["explanation"]) for item in answer.json["items"]]

    small = ("f1", "The size that the rules give is below the smallest volume that may be traded.")
    assert await found("outcome=skipped") == [("f2", "Copying was halted."), small]
    assert await found("follower=f1&outcome=skipped") == [small]
    assert await found("symbol=EURUSD&reason=below_minimum") == [small]
    assert await found("symbol=EURUSD.m") == [("f1", "It was copied.")]
    assert len(await found("symbol=EURUSD")) == 3
    assert await found("symbol=GBPUSD") == []
    [item] = (await house.call("GET", "/decisions?reason=below_minimum")).json["items"]
    assert (item["leaderSymbol"], item["leaderAction"], item["detail"]) == ("EURUSD", "open", "0.003 lots")


async def test_a_symbol_of_either_side_is_paged_as_one_list(house: Managed) -> None:
    await add_tenants(house, TENANT)
    sides = [
        ("A", "A"),
        ("A", "B"),
        ("B", "A"),
        ("A", None),
        ("B", "B"),
        ("A", "A"),
        (None, "A"),
        (None, "B"),
    ]
    wanted = [number for number, symbols in enumerate(sides, 1) if "A" in symbols]
    for number, (leaders, own) in enumerate(sides, 1):
        await add(house, decisions, row(DECISIONS, number, leader_symbol=leaders, symbol=own))
    for limit in (1, 2, 4, 50):
        shown: list[int] = []
        query, more = f"/decisions?symbol=A&limit={limit}", True
        path = query
        while more:
            answer = (await house.call("GET", path)).json
            shown += [item["sequence"] for item in answer["items"]]
            path, more = f"{query}&cursor={answer['cursor']}", answer["more"]
        assert shown == wanted[::-1], limit


async def test_how_a_volume_came_about_is_told(house: Managed) -> None:
    await add_tenants(house, TENANT)
    reckoned = Arithmetic(
        mode="multiplier",
        start=Decimal("0.10"),
        multiplier=Decimal("0.5"),
        minimum=Decimal("0.01"),
        maximum=Decimal(100),
        step=Decimal("0.01"),
        contracts=(Decimal(100_000), Decimal(100_000)),
    )
    rows = [{"sequence": n, "follower": "f1", "cause": "signal", "outcome": "planned"} for n in (1, 2)]
    await add(
        house, decisions, rows[0] | {"arithmetic": reckoned}, rows[1] | {"arithmetic": {"of": "tomorrow"}}
    )
    later, told = (await house.call("GET", "/decisions")).json["items"]
    assert told["reckoning"] == explained(reckoned)
    assert "* 0.5 = 0.050 lots" in told["reckoning"]
    assert later["reckoning"] is None


async def test_a_run_is_told_whole_and_by_indexes(house: Managed) -> None:
    await add_tenants(house, TENANT, OTHER)
    await add(house, runs, {"run_id": "r1", "started_at": at(1), "symbol": "EURUSD"})
    decided = {"run_id": "r1", "occurred_at": at(1), "follower": "f1", "cause": "signal", "sequence": 1}
    await add(
        house,
        decisions,
        decided | {"ordinal": 1, "outcome": "skipped", "reason": "halted"},
        decided | {"ordinal": 0, "outcome": "planned"},
    )
    await add(house, orders, {"command_id": "c1", "run_id": "r1", "created_at": at(1)}, {"command_id": "c2"})
    await add(house, executions, execution(2, run_id="r1"), execution(3))
    answer = await house.call("GET", "/runs/r1", role="viewer")
    assert answer.status == 200, answer
    told = answer.json
    assert (told["run"]["symbol"], told["more"]) == ("EURUSD", False)
    assert [each["explanation"] for each in told["decisions"]] == ["It was copied.", "Copying was halted."]
    assert [each["commandId"] for each in told["orders"]] == ["c1"]
    assert [each["sequence"] for each in told["executions"]] == [2]
    assert (await house.call("GET", "/runs/r1", tenant=OTHER)).status == 404
    assert (await house.call("GET", "/runs/r2")).status == 404

    def work(connection: Connection) -> None:
        for part in parts_of(TENANT, "r1"):
            assert_uses_index(connection, part, sorts=True)

    await house.database.read(work)


async def test_the_first_who_reads_a_notification_is_noted(house: Managed) -> None:
    await add_tenants(house, TENANT)
    await add(house, notifications, {"notification_id": "n:1", "occurred_at": at(1), "version": 1})
    first = await house.call("POST", "/notifications/n:1/read", role="viewer")
    assert (first.status, first.json["readBy"]) == (200, "olga")
    other = house.operator("viewer", subject="ivan")
    again = await house.call("POST", "/notifications/n:1/read", token=other)
    assert (again.json["readBy"], again.json["readAt"]) == ("olga", first.json["readAt"])
    assert (await house.call("POST", "/notifications/n:1/read", tenant=OTHER)).status == 404


def test_every_reason_and_outcome_has_its_words() -> None:
    assert set(REASONS) == set(SkipReason)
    assert set(OUTCOMES) == set(Outcome)
    assert explanation("unchanged", "waits_for_it") == (
        "The copy already was what the leader's intent asks for. Waits for it."
    )
    assert explanation("of_tomorrow", None) is None
