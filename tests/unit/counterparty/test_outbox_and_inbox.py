"""The outbox over the wire, and what an inbox batch does."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from kopitra.domain.identifiers import AccountId
from kopitra.machine.commands import Checkpoint
from kopitra.machine.state_codec import state_hash
from tests.unit.counterparty.house import FOLLOWER, House, in_house, pair


def test_a_parked_poll_is_answered_when_a_signal_comes() -> None:
    async def scenario(house: House) -> None:
        leader, follower = await pair(house)
        parked = asyncio.create_task(follower.poll(house.service.core.engine.committed, wait=20))
        await house.time.sleep(3)
        signal = await leader.signal()
        page = (await parked).json
        assert [event["runId"] for event in page["events"]] == [signal.json["runId"]]
        assert page["retryAfterMs"] == 0
        assert page["serverTime"].endswith("Z")

    in_house(scenario)


def test_a_poll_that_does_not_wait_is_told_when_to_come_back() -> None:
    async def scenario(house: House) -> None:
        leader, _ = await pair(house)
        page = (await leader.poll(house.service.core.engine.committed)).json
        assert (page["events"], page["retryAfterMs"], page["retryAfter"]) == ([], 1000, 1)

    in_house(scenario)


def test_the_request_id_of_a_signal_travels_to_its_followers() -> None:
    async def scenario(house: House) -> None:
        leader, follower = await pair(house)
        await leader.call("POST", "/signals", leader.intent(), X_TradeAgent_Request_ID="trace-me")
        (event,) = (await follower.poll()).json["events"]
        assert event["requestId"] == "trace-me"

    in_house(scenario)


@pytest.mark.parametrize(
    "query", ["cursor=-1", "cursor=x", "limit=0", "limit=501", "wait=26", "wait=1.5", "cursor=%C3%A9"]
)
def test_a_query_out_of_bounds_is_refused(query: str) -> None:
    async def scenario(house: House) -> None:
        leader, _ = await pair(house)
        answer = await leader.call("GET", f"/sessions/current/outbox?{query}")
        assert (answer.status, answer.json["code"]) == (400, "query_invalid")

    in_house(scenario)


def test_a_cursor_of_another_journal_starts_over_with_a_resync() -> None:
    async def scenario(house: House) -> None:
        leader, follower = await pair(house)
        signal = await leader.signal()
        page = (await follower.poll(10**6)).json
        assert [event["eventType"] for event in page["events"]] == ["resync.requested", "trade.started"]
        assert page["events"][0]["payload"] == {"reason": "cursor_beyond_head"}
        assert page["events"][0]["sequence"] < page["events"][1]["sequence"] == signal.json["sequence"]
        page = (await follower.poll(journalId="another")).json
        assert page["events"][0]["payload"] == {"reason": "foreign_journal"}
        assert (await follower.ack(page["events"][0]["eventId"])).json["durable"] is True

    in_house(scenario)


def test_the_time_that_is_left_counts_from_the_answer() -> None:
    async def scenario(house: House) -> None:
        leader, follower = await pair(house)
        await leader.signal()
        await house.time.sleep(20)
        (event,) = (await follower.poll()).json["events"]
        assert 39_000 < event["payload"]["ttlMs"] <= 40_000

    in_house(scenario)


def test_a_pending_orders_expiry_is_written_with_milliseconds() -> None:
    async def scenario(house: House) -> None:
        leader, follower = await pair(house)
        await leader.signal(
            "o1", "pending_placed", orderType="limit", orderExpiresAt="2026-01-06T00:00:00Z", orderRef="o1"
        )
        (event,) = (await follower.poll()).json["events"]
        assert event["payload"]["orderExpiresAt"] == "2026-01-06T00:00:00.000Z"

    in_house(scenario)


def test_volatile_events_change_the_readings_and_nothing_else() -> None:
    async def scenario(house: House) -> None:
        leader, follower = await pair(house)
        engine = house.service.core.engine
        before, written = state_hash(engine.state), house.disk.appends
        figures = {"login": 1, "server": "S", "balance": "5000", "currency": "EUR", "equity": "4000"}
        quotes = {"quotes": [{"symbol": "EURUSD", "bid": "1.1", "ask": "1.2"}]}
        answer = await follower.report(
            ("ea.account_snapshot", figures), ("ea.quotes", quotes), ("ea.heartbeat", {"pingMs": 3})
        )
        assert answer.status == 202
        assert answer.json == {"accepted": 3, "sequence": engine.committed, "durable": False}
        assert (state_hash(engine.state), house.disk.appends) == (before, written)
        account = AccountId(FOLLOWER)
        assert str(engine.readings.figures[account].equity) == "4000"
        assert str(engine.readings.quotes[account]["EURUSD"].ask) == "1.2"
        assert leader.account not in engine.readings.quotes

    in_house(scenario)


def test_figures_that_come_after_newer_ones_of_their_session_are_no_news() -> None:
    async def scenario(house: House) -> None:
        _, follower = await pair(house)
        readings = house.service.core.engine.readings

        async def told(balance: str, **members: int) -> str:
            figures = {"login": 1, "server": "S", "balance": balance, "currency": "EUR", **members}
            assert (await follower.report(("ea.account_snapshot", figures))).status == 202
            return str(readings.figures[AccountId(FOLLOWER)].balance)

        assert await told("5000", ordinal=7) == "5000"
        assert await told("2000", ordinal=8) == "2000"
        assert await told("5000", ordinal=7) == "2000"
        assert await told("5000", ordinal=8) == "2000"
        assert await told("3000") == "3000"
        await follower.open()
        assert await told("4000", ordinal=1) == "4000"

    in_house(scenario)


def test_operators_see_what_an_account_last_told_of_itself() -> None:
    async def scenario(house: House) -> None:
        _, follower = await pair(house)
        headers = {"Authorization": f"Bearer {house.operator('viewer')}"}

        async def seen() -> dict[str, Any]:
            sessions = (await house.call("GET", "/sessions", None, headers)).json["sessions"]
            return next(session for session in sessions if session["account"] == FOLLOWER)

        unknown = await seen()
        names = ("balance", "equity", "currency", "snapshotAt")
        assert [unknown[name] for name in names] == [None, None, None, None]
        figures = {"login": 1, "server": "S", "balance": "5000", "currency": "EUR", "equity": "4000.5"}
        state: dict[str, Any] = {"login": 1, "server": "S", "connected": True, "synchronised": True}
        book: dict[str, Any] = {**state, "snapshotId": "s1", "positions": [], "orders": []}
        await follower.report(("ea.account_snapshot", figures), ("ea.position_snapshot", book))
        told = await seen()
        assert [told[name] for name in names[:3]] == ["5000", "4000.5", "EUR"]
        assert told["snapshotAt"] == told["balanceAt"] is not None

    in_house(scenario)


def test_a_clock_that_goes_wrong_or_right_again_is_one_event_each() -> None:
    async def scenario(house: House) -> None:
        _, follower = await pair(house)

        async def beat(ahead: float) -> bool:
            clock = (house.time.now() + timedelta(seconds=ahead)).isoformat()
            return (await follower.report(("ea.heartbeat", {"clock": clock}))).json["durable"]

        assert [await beat(ahead) for ahead in (0, 1.9, 5, 6, -9, 0.5, 0)] == [
            False,
            False,
            True,
            False,
            False,
            True,
            False,
        ]

    in_house(scenario)


def test_a_batch_is_one_commit_and_a_bad_event_refuses_all_of_it() -> None:
    async def scenario(house: House) -> None:
        _, follower = await pair(house)
        engine = house.service.core.engine
        written = house.disk.appends
        events = [("ea.error", {"code": f"{number}"}) for number in range(20)]
        answer = await follower.report(*events)
        assert answer.json["accepted"] == 20
        assert house.disk.appends == written + 1
        before = state_hash(engine.state)
        bad = await follower.report(*events, ("OutboxAck", {"eventId": 1}))
        assert bad.status == 422
        assert bad.json["errors"][0]["path"] == "$.events[20].payload.eventId"
        assert state_hash(engine.state) == before

    in_house(scenario)


def test_unknown_acknowledgements_are_counted_and_not_refused() -> None:
    async def scenario(house: House) -> None:
        leader, follower = await pair(house)
        await leader.signal()
        (event,) = (await follower.poll()).json["events"]
        for event_id in (event["eventId"], event["eventId"], "main-999999", "nonsense"):
            assert (await follower.ack(event_id)).status == 202
        assert house.service.core.engine.readings.unknown_acks == {FOLLOWER: 3}

    in_house(scenario)


def test_unknown_types_are_kept_as_they_came() -> None:
    async def scenario(house: House) -> None:
        _, follower = await pair(house)
        before = house.service.core.engine.committed
        answer = await follower.report(("ea.weather", {"rain": [1, 2]}))
        assert answer.json["durable"] is True
        assert answer.json["sequence"] == before + 1

    in_house(scenario)


def test_what_was_told_stays_in_the_log_after_every_consumer_snapshot_and_restart() -> None:
    async def scenario(house: House) -> None:
        await house.publish(FOLLOWER)
        follower = await house.ea(FOLLOWER)
        for number in range(5):
            told = await follower.report(("ea.weather", {"number": number}))
            await house.submit(Checkpoint(consumer="sql", sequence=told.json["sequence"]))
            assert await house.service.core.snapshotting.take() is not None
        await house.restart()
        operator = {"Authorization": f"Bearer {house.operator()}"}
        path = f"/sessions/{follower.session['sessionId']}/inbox/logs?eventType=ea.weather"
        log = (await house.call("GET", path, headers=operator)).json
        assert [entry["payload"]["number"] for entry in log["entries"]] == list(range(5))

    in_house(scenario)


def _catalogue(part: int, parts: int, symbols: int, name: str = "c1") -> tuple[str, dict[str, Any]]:
    spec = {
        "digits": 5,
        "contractSize": "100000",
        "volumeMin": "0.01",
        "volumeMax": "100",
        "volumeStep": "0.01",
        "baseCurrency": "EUR",
        "profitCurrency": "USD",
    }
    listed = [spec | {"symbol": f"S{part}-{number}"} for number in range(symbols)]
    return "ea.symbol_catalog", {"symbols": listed, "catalogId": name, "part": part, "parts": parts}


def test_half_a_catalogue_is_never_applied() -> None:
    async def scenario(house: House) -> None:
        _, follower = await pair(house)
        account = house.service.core.engine.state.accounts[AccountId(FOLLOWER)]
        before = set(account.catalog)
        assert (await follower.report(_catalogue(1, 3, 400))).json["durable"] is False
        assert (await follower.report(_catalogue(3, 3, 400))).json["durable"] is False
        assert set(account.catalog) == before
        assert (await follower.report(_catalogue(2, 3, 400))).json["durable"] is True
        assert len(account.catalog) == 1200

    in_house(scenario)


def test_parts_of_another_set_start_over() -> None:
    async def scenario(house: House) -> None:
        _, follower = await pair(house)
        await follower.report(_catalogue(1, 2, 1, "old"))
        await follower.report(_catalogue(2, 2, 1, "new"))
        assert (await follower.report(_catalogue(1, 2, 1, "new"))).json["durable"] is True
        account = house.service.core.engine.state.accounts[AccountId(FOLLOWER)]
        assert set(account.catalog) == {"S1-0", "S2-0"}

    in_house(scenario)


def test_a_restart_forgets_half_a_set() -> None:
    async def scenario(house: House) -> None:
        _, follower = await pair(house)
        await follower.report(_catalogue(1, 2, 1))
        await house.restart()
        assert (await follower.report(_catalogue(2, 2, 1))).json["durable"] is False

    in_house(scenario)


def test_two_thousand_positions_pass_in_parts() -> None:
    async def scenario(house: House) -> None:
        _, follower = await pair(house)
        held = {
            "symbol": "EURUSD",
            "side": "buy",
            "volume": "0.01",
            "price": "1.1",
            "openTime": "2026-01-05T00:00:00Z",
        }
        engine = house.service.core.engine
        before = engine.committed
        for part in range(1, 6):
            positions = [
                held | {"ticket": part * 1000 + number, "positionId": part * 1000 + number}
                for number in range(400)
            ]
            answer = await follower.report(
                (
                    "ea.position_snapshot",
                    {
                        "login": 1,
                        "server": "S",
                        "connected": True,
                        "synchronised": True,
                        "snapshotId": "x",
                        "positions": positions,
                        "part": part,
                        "parts": 5,
                    },
                )
            )
            assert answer.status == 202
        assert engine.committed > before
        assert engine.state.accounts[AccountId(FOLLOWER)].login == 1

    in_house(scenario)


def test_stopping_answers_parked_polls_empty_and_refuses_the_rest() -> None:
    async def scenario(house: House) -> None:
        leader, follower = await pair(house)
        parked = asyncio.create_task(follower.poll(house.service.core.engine.committed, wait=20))
        await house.time.sleep(1)
        await house.service.stop()
        assert (await parked).json["events"] == []
        refused = await leader.signal()
        assert (refused.status, refused.json["code"]) == (503, "stopping")

    in_house(scenario)
