"""Single tasks: a follower is reconciled and told what would be put right, and what is old is purged."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, select

from kopitra.domain.instants import rfc3339
from kopitra.protocol.operations import parse_operation
from kopitra_functions.tasks.resyncing import BOOK_SECONDS
from tests.management.operations.rows import START, add, add_tenants, events
from tests.management.operations.running import Runs
from tests.management.operations.test_watching import session, show
from tests.management.world import OTHER, TENANT, Managed

PROPOSAL = {"proposalId": "p1", "kind": "gone", "account": "f1"}


@pytest.fixture
async def runs(house: Managed) -> Runs:
    await add_tenants(house, TENANT, OTHER)
    return Runs(house)


class Terminal:
    """A follower's EA: it tells its book when the counterparty has asked for it."""

    def __init__(self, house: Managed) -> None:
        self.house = house
        self.asked = 0
        self.told_at = house.clock.now()
        show(house, session(house, "f1"))
        house.counterparty.answer("GET", "/reconciliation", 200, {"proposals": [PROPOSAL]})

    async def look(self) -> None:
        """Take what was asked, and tell the book."""
        queue = self.house.world.queues.commands
        for each in await queue.receive(10):
            operation = parse_operation(each.message.body)
            assert (operation.account, operation.issued_by) == ("f1", "olga")
            await queue.complete(each)
            self.asked += 1
            self.told_at = self.house.clock.now()
        show(self.house, session(self.house, "f1", snapshotAt=rfc3339(self.told_at)))


async def test_a_follower_is_asked_twice_and_what_is_proposed_is_told(runs: Runs) -> None:
    terminal = Terminal(runs.house)
    runs.house.clock.advance(60)
    run = await runs.start("reconcile_follower", {"account": "f1"})
    for _ in range(30):
        await runs.one_message()
        runs.house.clock.advance(1)
        await terminal.look()
    seen = await runs.seen(run)
    assert (seen["status"], seen["account"], terminal.asked) == ("succeeded", "f1", 2), seen
    assert seen["result"]["proposals"] == [PROPOSAL]
    [asked] = [each for each in runs.house.counterparty.asked if each.path == "/reconciliation"]
    assert (asked.query["account"], asked.token) == ("f1", "the service's own token")


async def test_a_follower_that_does_not_answer_is_told(runs: Runs) -> None:
    show(runs.house, session(runs.house, "f1"))
    runs.house.clock.advance(60)
    run = await runs.start("reconcile_follower", {"account": "f1"})
    for _ in range(int(BOOK_SECONDS.total_seconds()) + 5):
        await runs.one_message()
        runs.house.clock.advance(1)
    seen = await runs.seen(run)
    assert (seen["status"], seen["error"]) == ("failed", "f1 has not told its book for 90 s")


async def test_a_counterparty_that_restarts_is_waited_for_and_one_that_stays_away_is_told(runs: Runs) -> None:
    terminal = Terminal(runs.house)
    run = await runs.start("reconcile_follower", {"account": "f1"})
    runs.house.counterparty.reachable = False
    for _ in range(60):
        await runs.one_message()
        runs.house.clock.advance(1)
    assert (await runs.seen(run))["status"] == "running"
    runs.house.counterparty.reachable = True
    for _ in range(40):
        await terminal.look()
        await runs.one_message()
        runs.house.clock.advance(1)
    assert (await runs.seen(run))["status"] == "succeeded"

    run = await runs.start("reconcile_follower", {"account": "f1"})
    runs.house.counterparty.reachable = False
    await runs.to_the_end()
    seen = await runs.seen(run)
    assert (seen["status"], seen["error"]) == (
        "failed",
        "CounterpartyUnreachable: no answer: no route to host",
    )


@pytest.mark.parametrize(("account", "tenant"), [("nobody", TENANT), ("f1", OTHER)])
async def test_a_follower_without_a_session_of_this_tenant_is_refused(
    runs: Runs, account: str, tenant: str
) -> None:
    show(runs.house, session(runs.house, "f1"))
    run = await runs.start("reconcile_follower", {"account": account}, tenant=tenant)
    await runs.to_the_end()
    seen = await runs.seen(run, tenant=tenant)
    assert (seen["status"], seen["error"]) == ("failed", f"{account} has no live session")


async def test_a_purge_deletes_what_is_older_of_its_own_tenant(runs: Runs) -> None:
    house = runs.house
    house.clock.advance(timedelta(days=100).total_seconds())

    def told(number: int, days: float, **changes: Any) -> dict[str, Any]:
        return {"sequence": number, "shard": "main", "occurred_at": START + timedelta(days=days)} | changes

    await add(house, events, *(told(number, number) for number in range(1, 101)), told(500, 1, tenant=OTHER))
    run = await runs.start("purge", {"what": "events", "olderThanDays": 40})
    await runs.to_the_end()
    seen = await runs.seen(run)
    assert (seen["status"], seen["result"]) == ("succeeded", {"deleted": 59})

    def left(connection: Any) -> int:
        return connection.execute(select(func.count()).select_from(events)).scalar_one()

    assert await house.database.read(left) == 42
    audited = await house.call("GET", "/audit?action=task.run")
    assert [msgspec.json.encode(entry["target"]) for entry in audited.json["items"]] == [b'"purge"']
