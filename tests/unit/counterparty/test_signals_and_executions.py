"""What leaders and followers report of trades, and how a batch is answered."""

from collections.abc import Sequence

import pytest

from kopitra.application.machine import Machine
from kopitra.application.ports.journal import Frame, FrameTooLarge
from kopitra.machine.commands import Command, TakeSignal
from kopitra.machine.outcome import Context, Result
from kopitra.machine.state import State
from kopitra.simulation.journal import SimulatedJournal
from tests.unit.counterparty.house import House, in_house, pair


def test_a_batch_of_signals_is_answered_item_by_item_and_is_one_commit() -> None:
    async def scenario(house: House) -> None:
        leader, follower = await pair(house)
        written = house.disk.appends
        wanted = [leader.intent("p1"), leader.intent("p2"), leader.intent("p1"), leader.intent("px", "close")]
        answer = await leader.call("POST", "/signals", {"signals": wanted})
        results = answer.json["results"]
        assert [item["status"] for item in results] == ["accepted", "accepted", "duplicate", "deferred"]
        assert house.disk.appends == written + 1
        assert results[2]["sequence"] == results[0]["sequence"]
        assert len((await follower.poll()).json["events"]) == 2

    in_house(scenario)


def with_small_commits(house: House, limit: int = 3_000) -> None:
    """Whatever needs more bytes can never be written; what a real journal takes is a thousand times that."""

    def admit(frames: Sequence[Frame]) -> None:
        size = sum(map(journal.cost, frames))
        if size > limit:
            raise FrameTooLarge(frames[0].sequence, size, limit)

    journal = house.service.ports.journal
    assert isinstance(journal, SimulatedJournal)
    journal.room, journal.admit = limit, admit


def test_one_refused_signal_of_a_batch_is_told_with_its_code_and_the_others_are_taken() -> None:
    async def scenario(house: House) -> None:
        await house.group(followers=60)
        leader = await house.ea("leader")
        with_small_commits(house)
        opened, unknown, later = (
            leader.intent("p1"),
            leader.intent("px", "close"),
            leader.intent("py", "close"),
        )
        batch = {"signals": [unknown, opened, later]}
        answer = await leader.call("POST", "/signals", batch, Idempotency_Key="k")
        assert answer.status == 202
        first, refused, last = answer.json["results"]
        assert (first["status"], last["status"]) == ("deferred", "deferred")
        assert last["sequence"] > first["sequence"]
        assert (refused["status"], refused["code"]) == ("refused", "plan_too_large")
        assert refused.keys() == {"status", "code", "detail"}
        described = (await house.call("GET", "/openapi.json")).json["components"]["schemas"]["SignalResult"]
        assert refused["status"] in described["properties"]["status"]["enum"]
        assert refused.keys() <= described["properties"].keys()
        assert described["required"] == ["status"]
        again = await leader.call("POST", "/signals", batch, Idempotency_Key="k")
        assert (again.body, again.headers["idempotent-replayed"]) == (answer.body, "true")
        alone = await leader.call("POST", "/signals", opened)
        assert (alone.status, alone.json["code"]) == (422, "plan_too_large")
        assert alone.json["detail"] == refused["detail"]

    in_house(scenario)


def test_a_defect_with_one_signal_of_a_batch_leaves_the_batch_to_be_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scenario(house: House) -> None:
        leader, _ = await pair(house)
        batch = {"signals": [leader.intent("p1"), leader.intent("p2")]}
        defects = [RuntimeError("p2")]

        def decide(state: State, command: Command, context: Context) -> Result:
            if isinstance(command, TakeSignal) and command.signal.position_ref == "p2" and defects:
                raise defects.pop()
            return machine.decide(state, command, context)

        machine = house.service.core.machine
        monkeypatch.setattr(house.service.core.engine, "_machine", Machine(decide=decide))
        first = await leader.call("POST", "/signals", batch, Idempotency_Key="k")
        assert (first.status, first.json["code"]) == (500, "internal_error")
        again = await leader.call("POST", "/signals", batch, Idempotency_Key="k")
        assert [item["status"] for item in again.json["results"]] == ["duplicate", "accepted"]

    in_house(scenario)


def test_a_second_delivery_of_a_deal_gets_the_first_body_under_any_key() -> None:
    async def scenario(house: House) -> None:
        _, follower = await pair(house)
        deal = {
            "status": "filled",
            "symbol": "EURUSD",
            "side": "buy",
            "dealId": 5,
            "orderTicket": 6,
            "fillVolume": "1",
            "fillPrice": "1.1",
            "executedAt": "2026-01-05T00:00:00Z",
        }
        first = await follower.call("POST", "/executions", deal)
        written = house.disk.appends
        second = await follower.call("POST", "/executions", deal)
        assert (first.status, first.body) == (second.status, second.body)
        assert house.disk.appends == written

    in_house(scenario)


def test_a_sandbox_signal_is_planned_and_never_sent() -> None:
    async def scenario(house: House) -> None:
        leader, follower = await pair(house)
        answer = await leader.call("POST", "/signals", leader.intent(), X_TradeAgent_Sandbox="true")
        assert answer.json["planned"] == 1
        assert (await follower.poll()).json["events"] == []

    in_house(scenario)
