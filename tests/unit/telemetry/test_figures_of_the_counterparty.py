"""What the service tells of itself while it works: each figure where and when it happens, and not twice."""

from typing import Any

import pytest

from kopitra.application.ports.journal import FenceLost
from tests.fixtures.telling import Telling
from tests.unit.counterparty.house import House, in_house, pair

INGESTION = ("kopitra.signal.ingestion",)
P95 = ("kopitra.signal.ingestion.p95",)
PENDING = ("kopitra.outbox.pending",)


def planned(outcome: str) -> tuple[str, str]:
    return ("kopitra.copies.planned", outcome)


def requests(status: str) -> tuple[str, str]:
    return ("kopitra.requests", status)


def sessions(status: str) -> tuple[str, str]:
    return ("kopitra.ea.sessions", status)


@pytest.fixture
def telling() -> Telling:
    return Telling()


def test_a_signal_is_timed_and_its_copies_are_counted_once_they_are_durable(telling: Telling):
    async def scenario(house: House) -> None:
        leader, _ = await pair(house)
        intent = leader.intent()
        for _ in range(2):  # the second gets the first one's answer
            assert (await leader.call("POST", "/signals", intent, Idempotency_Key="same")).status == 202
            await house.time.sleep(0.01)

    in_house(scenario, telemetry=telling)
    assert telling.counts[planned("planned")] == 1
    assert len(telling.values[INGESTION]) == 2
    assert max(telling.values[INGESTION]) >= 1.0  # milliseconds of the simulated journal


def test_a_signal_that_is_refused_is_no_ingestion(telling: Telling):
    async def scenario(house: House) -> None:
        leader, _ = await pair(house)
        assert (await leader.call("POST", "/signals", b"{")).status == 400

    in_house(scenario, telemetry=telling)
    assert INGESTION not in telling.values
    assert telling.counts[requests("4xx")] == 1


def test_every_request_counts_by_the_class_of_its_status_whatever_answered_it(telling: Telling):
    async def scenario(house: House) -> None:
        assert (await house.call("GET", "/health")).status == 200
        assert (await house.call("GET", "/nothing/here")).status == 404
        assert (await house.call("PUT", "/signals")).status == 405
        assert (await house.call("POST", "/signals", b"x" * 2_000_000)).status == 413

    in_house(scenario, telemetry=telling)
    assert telling.counts[requests("2xx")] == 1
    assert telling.counts[requests("4xx")] == 3


def test_the_percentile_is_of_the_last_five_minutes_and_then_is_not_told(telling: Telling):
    async def scenario(house: House) -> None:
        leader, _ = await pair(house)
        await leader.signal()
        await house.time.sleep(31)
        assert telling.gauges[P95] == telling.values[INGESTION][0]
        await house.time.sleep(300)

    in_house(scenario, telemetry=telling)
    assert telling.gauges[P95] is None


def test_accounts_are_live_then_silent_then_absent(telling: Telling):
    async def scenario(house: House) -> None:
        await house.publish("never-enrolled")
        await pair(house)
        await house.time.sleep(31)
        assert telling.gauges[sessions("live")] == 2
        await house.time.sleep(61)
        assert telling.gauges[sessions("silent")] == 2
        await house.time.sleep(180)
        assert telling.gauges[sessions("live")] == 0
        assert telling.gauges[sessions("absent")] == 2

    in_house(scenario, telemetry=telling)
    assert telling.gauges[sessions("absent")] is None, "who does not serve knows nothing"


def test_what_waits_for_acknowledgement_is_counted(telling: Telling):
    async def scenario(house: House) -> None:
        leader, _ = await pair(house)
        await house.time.sleep(31)
        before = telling.gauges[PENDING]
        await leader.signal()
        await house.time.sleep(31)
        assert telling.gauges[PENDING] == (before or 0) + 1

    in_house(scenario, telemetry=telling)


def test_a_refused_close_is_counted_with_what_its_ea_said(telling: Telling):
    async def scenario(house: House) -> None:
        leader, follower = await pair(house)
        await leader.signal()
        [opened] = (await follower.poll()).json["events"]
        await follower.call("POST", "/executions", filled(opened["payload"]))
        await follower.ack(opened["eventId"])
        await leader.signal(action="close")
        [closing] = (await follower.poll()).json["events"]
        await follower.ack(closing["eventId"], "rejected")
        await house.time.sleep(0.01)

    in_house(scenario, telemetry=telling)
    assert {name: n for name, n in telling.counts.items() if name[0] == "kopitra.closes.refused"} == {
        ("kopitra.closes.refused", "rejected"): 1
    }


def test_appends_are_timed(telling: Telling):
    async def scenario(house: House) -> None:
        await house.publish("leader")

    in_house(scenario, telemetry=telling)
    assert telling.values[("kopitra.commit", "written")]


def test_a_writer_that_loses_its_fence_says_so_and_one_that_stops_does_not(telling: Telling):
    async def scenario(house: House) -> None:
        house.service.core.keeper.give_up(FenceLost("another took it"))
        await house.time.sleep(5)
        assert telling.counts[("kopitra.fence.lost", "lost")] == 1
        await house.service.stop()

    in_house(scenario, telemetry=telling)
    assert telling.counts[("kopitra.fence.lost", "lost")] == 1


def test_a_request_that_does_something_has_a_span_and_a_poll_has_none(telling: Telling):
    async def scenario(house: House) -> None:
        leader, follower = await pair(house)
        telling.spans.clear()
        given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        await leader.signal()
        await leader.call("POST", "/signals", b"{", X_TradeAgent_Request_ID="asked-1", traceparent=given)
        await follower.poll()
        await house.call("GET", "/health")

    in_house(scenario, telemetry=telling)
    assert [span.name for span in telling.spans] == ["POST /signals", "POST /signals"]
    taken, refused = telling.spans
    assert (taken.status, taken.failed, taken.parent) == (202, False, None)
    assert (refused.status, refused.request_id) == (400, "asked-1")
    assert refused.parent is not None


def filled(order: dict[str, Any]) -> dict[str, Any]:
    return {
        "commandId": order["commandId"],
        "status": "filled",
        "symbol": order["symbol"],
        "side": order["side"],
        "dealId": 700,
        "orderTicket": 7001,
        "positionId": 7001,
        "fillVolume": order["volume"],
        "fillPrice": "1.10007",
        "executedAt": "2026-01-05T00:00:00.700Z",
    }
