"""From a code to a copied trade: enrolment, session, signal, outbox, execution, acknowledgement, the run's story."""

from tests.unit.counterparty.house import FOLLOWER, Ea, House, in_house


def test_a_leaders_trade_reaches_its_follower_and_its_story_is_told() -> None:
    async def scenario(house: House) -> None:
        await house.group()
        leader, follower = await house.ea("leader"), await house.ea(FOLLOWER)
        signal = await leader.signal()
        assert signal.status == 202
        assert signal.json["status"] == "accepted"
        assert (signal.json["planned"], signal.json["skipped"]) == (1, 0)
        page = await follower.poll(follower.session["resumeCursor"])
        (event,) = page.json["events"]
        assert event["eventType"] == "trade.started"
        assert event["eventId"] == f"main-{event['sequence']}"
        assert page.json["cursor"] >= event["sequence"] == signal.json["sequence"]
        order = event["payload"]
        assert (order["action"], order["symbol"], order["volume"]) == ("open", "EURUSD", "1.00")
        assert 0 < order["ttlMs"] <= 60_000
        await house.time.sleep(0.5)
        execution = await follower.call("POST", "/executions", _fill(order))
        assert execution.json == {"sequence": execution.json["sequence"], "status": "recorded"}
        acked = await follower.ack(event["eventId"])
        assert acked.json == {"accepted": 1, "sequence": execution.json["sequence"] + 1 + 1, "durable": True}
        assert (await follower.poll(0)).json["events"] == []
        await _story(leader, follower, signal.json["runId"])

    in_house(scenario)


async def _story(leader: Ea, follower: Ea, run: str) -> None:
    told = (await follower.call("GET", f"/runs/{run}")).json
    (copy,) = told["copies"]
    (command,) = copy["commands"]
    assert command["acks"][0]["status"] == "executed"
    assert command["executions"][0]["slippage"] == "0.00007"
    assert command["planToDeliveryMs"] >= 0
    assert command["deliveryToExecutionMs"] >= 500
    assert "account" not in told["intent"], "a follower does not learn who leads"
    assert (await leader.call("GET", f"/runs/{run}")).json["intent"]["account"] == "leader"
    assert (await leader.call("GET", "/runs/unknown")).status == 404


def _fill(order: dict[str, object]) -> dict[str, object]:
    return {
        "commandId": order["commandId"],
        "status": "filled",
        "symbol": "EURUSD",
        "side": "buy",
        "dealId": 700,
        "orderTicket": 7001,
        "positionId": 7001,
        "fillVolume": "1.00",
        "fillPrice": "1.10007",
        "executedAt": "2026-01-05T00:00:00.700Z",
    }
