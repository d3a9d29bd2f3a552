"""Same key and body, same answer; same key and another body, refused; nothing is kept that was not done."""

import asyncio

import msgspec
import pytest

from kopitra.domain.identifiers import AccountId
from kopitra.machine.state_codec import state_hash
from kopitra.simulation.journal import AppendFault
from tests.unit.counterparty.house import FOLLOWER, House, in_house


def keys_kept(house: House, account: str = "leader") -> int:
    return len(house.service.core.engine.state.accounts[AccountId(account)].keys)


def test_the_same_key_and_body_get_the_first_answer_also_after_a_restart() -> None:
    async def scenario(house: House) -> None:
        await house.group()
        ea = await house.ea("leader")
        body = ea.intent()
        first = await ea.call("POST", "/signals", body, Idempotency_Key="k")
        assert "idempotent-replayed" not in first.headers
        written = house.disk.appends
        again = await ea.call("POST", "/signals", body, Idempotency_Key="k")
        assert (again.status, again.body) == (first.status, first.body)
        assert again.headers["idempotent-replayed"] == "true"
        assert house.disk.appends == written
        await house.restart()
        after = await ea.call("POST", "/signals", body, Idempotency_Key="k")
        assert (after.status, after.body) == (first.status, first.body)

    in_house(scenario)


def test_a_body_that_means_the_same_is_the_same() -> None:
    async def scenario(house: House) -> None:
        await house.group()
        ea = await house.ea("leader")
        body = ea.intent()
        first = await ea.call("POST", "/signals", body, Idempotency_Key="k")
        shuffled = msgspec.json.format(msgspec.json.encode(dict(reversed(body.items()))), indent=4)
        again = await ea.call("POST", "/signals", shuffled, Idempotency_Key="k")
        assert again.body == first.body

    in_house(scenario)


def test_the_same_key_with_another_body_is_refused_and_changes_nothing() -> None:
    async def scenario(house: House) -> None:
        await house.group()
        ea = await house.ea("leader")
        await ea.signal(key="k")
        before = state_hash(house.service.core.engine.state)
        other = await ea.signal(ref="other", key="k")
        assert (other.status, other.json["code"]) == (422, "idempotency_key_reused")
        assert state_hash(house.service.core.engine.state) == before

    in_house(scenario)


def test_keys_belong_to_an_account_and_a_route() -> None:
    async def scenario(house: House) -> None:
        await house.group()
        leader, follower = await house.ea("leader"), await house.ea(FOLLOWER)
        assert (await leader.signal(key="k")).status == 202
        for answer in (
            await leader.report(("ea.error", {"code": "1"}), key="k"),
            await follower.report(("ea.error", {"code": "1"}), key="k"),
        ):
            assert answer.status == 202
            assert "idempotent-replayed" not in answer.headers

    in_house(scenario)


def test_a_second_caller_waits_for_the_first_ones_answer() -> None:
    async def scenario(house: House) -> None:
        await house.group()
        ea = await house.ea("leader")
        body = ea.intent()
        first, second, other = await asyncio.gather(
            ea.call("POST", "/signals", body, Idempotency_Key="k"),
            ea.call("POST", "/signals", body, Idempotency_Key="k"),
            ea.call("POST", "/signals", ea.intent("p2"), Idempotency_Key="k"),
        )
        assert first.body == second.body
        assert [a.headers.get("idempotent-replayed") for a in (first, second)] == [None, "true"]
        assert (other.status, other.json["code"]) == (422, "idempotency_key_reused")
        follower = await house.ea(FOLLOWER)
        assert len((await follower.poll()).json["events"]) == 1

    in_house(scenario)


def test_a_failure_is_not_kept_and_the_same_key_works_afterwards() -> None:
    async def scenario(house: House) -> None:
        await house.group()
        ea = await house.ea("leader")
        body = ea.intent()
        house.disk.faults.append(AppendFault.UNAVAILABLE)
        failed, waited = await asyncio.gather(
            ea.call("POST", "/signals", body, Idempotency_Key="k"),
            ea.call("POST", "/signals", body, Idempotency_Key="k"),
        )
        assert failed.status == waited.status == 503
        assert failed.headers["retry-after"] == "1"
        await house.time.sleep(2)
        answer = await ea.call("POST", "/signals", body, Idempotency_Key="k")
        assert (answer.status, answer.json["status"]) == (202, "accepted")

    in_house(scenario)


@pytest.mark.parametrize(
    "event",
    [
        ("ea.heartbeat", {}),
        ("ea.quotes", {"quotes": []}),
        ("OutboxAck", {"eventId": "x-1", "status": "executed"}),
    ],
)
def test_what_changes_nothing_keeps_no_key(event: tuple[str, object]) -> None:
    async def scenario(house: House) -> None:
        await house.group()
        ea = await house.ea("leader")
        before, written = keys_kept(house), house.disk.appends
        assert (await ea.report(event, key="k")).status == 202
        assert (keys_kept(house), house.disk.appends) == (before, written)

    in_house(scenario)


def test_a_refusal_is_decided_anew() -> None:
    async def scenario(house: House) -> None:
        await house.group()
        ea = await house.ea("leader")
        assert (await ea.signal(key="k", volume="NaN")).status == 422
        assert (await ea.signal(key="k")).status == 202

    in_house(scenario)


def test_a_repeat_of_what_its_first_asker_gave_up_waits_for_its_commit() -> None:
    async def scenario(house: House) -> None:
        await house.group()
        ea = await house.ea("leader")
        body, before = ea.intent(), keys_kept(house)
        house.disk.faults.append(AppendFault.UNAVAILABLE)
        first = asyncio.ensure_future(ea.call("POST", "/signals", body, Idempotency_Key="k"))
        await asyncio.sleep(0)  # decided, and its commit on the way
        assert keys_kept(house) == before + 1
        first.cancel()
        await asyncio.sleep(0)
        again = await ea.call("POST", "/signals", body, Idempotency_Key="k")
        assert again.status == 503
        await house.time.sleep(2)
        answer = await ea.call("POST", "/signals", body, Idempotency_Key="k")
        assert "idempotent-replayed" not in answer.headers
        assert (answer.status, answer.json["status"]) == (202, "accepted")

    in_house(scenario)


def test_nothing_is_repeated_from_a_state_that_failed_while_the_secret_was_checked() -> None:
    async def scenario(house: House) -> None:
        await house.publish("leader")
        ea = house.ea_of("leader")
        await ea.enrol()
        house.hashes.seconds = 0.010
        house.disk.faults.append(AppendFault.UNAVAILABLE)

        async def later() -> int:
            await house.time.sleep(0.005)
            return (await ea.open(Idempotency_Key="k")).status

        first, second = await asyncio.gather(ea.open(Idempotency_Key="k"), later())
        assert (first.status, second) == (503, 503)
        await house.time.sleep(2)
        assert (await ea.open(Idempotency_Key="k")).status == 201
        assert (await ea.poll()).status == 200

    in_house(scenario)
