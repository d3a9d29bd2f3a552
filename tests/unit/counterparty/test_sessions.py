"""Opening, keeping, taking over and releasing a session; enrolment before it."""

import asyncio
import base64

import msgspec
from pydantic import SecretStr

from kopitra.application.tokens import code_hash
from kopitra.machine import commands
from kopitra.machine.codec import EVENTS
from kopitra.machine.events import Recorded, SessionEnd
from tests.unit.counterparty.house import Ea, House, in_house


async def journal(house: House) -> list[Recorded]:
    commits = [commit async for commit in house.service.ports.journal.read()]
    return [EVENTS.decode(frame.data) for commit in commits for frame in commit]


async def enrolled(house: House, account: str = "alone", device: str = "vps") -> Ea:
    if account not in house.service.core.engine.state.accounts:
        await house.publish(account)
    ea = Ea(house, account, device)
    assert (await ea.enrol()).status == 201
    return ea


def test_a_session_is_described_in_full() -> None:
    async def scenario(house: House) -> None:
        ea = await enrolled(house)
        answer = await ea.open()
        assert answer.status == 201
        session = answer.json
        assert session["status"] == "authenticated"
        assert session["leaseTtlSeconds"] == 180
        assert session["heartbeatSeconds"] == 90
        assert session["journalId"] == house.service.core.engine.state.journal_id
        assert session["sessionToken"].startswith(session["sessionId"] + ".")
        assert session["leaseExpiresAt"].endswith("Z")
        assert (
            session["resumeCursor"] == house.service.core.engine.committed - 1 or session["resumeCursor"] >= 0
        )

    in_house(scenario)


def test_a_wrong_secret_and_an_unknown_account_are_told_apart_by_nothing() -> None:
    async def scenario(house: House) -> None:
        ea = await enrolled(house)
        ea.secret = "wrong"
        wrong = await ea.open(X_TradeAgent_Request_ID="r")
        stranger = Ea(house, "nobody")
        stranger.secret = "wrong"
        before = house.hashes.verified
        unknown = await stranger.open(X_TradeAgent_Request_ID="r")
        assert (wrong.status, wrong.body, wrong.headers) == (401, unknown.body, unknown.headers)
        assert unknown.status == 401
        assert house.hashes.verified == before + 1, "the same work for both"

    in_house(scenario)


def test_repeated_failures_have_to_wait_longer_and_longer_whether_the_account_exists_or_not() -> None:
    async def waits(house: House, name: str) -> list[int]:
        ea = Ea(house, name)
        ea.secret = "wrong"
        found: list[int] = []
        while len(found) < 4:
            answer = await ea.open()
            if answer.status == 429:
                found.append(int(answer.headers["retry-after"]))
                await house.time.sleep(found[-1])
        return found

    async def scenario(house: House) -> None:
        await enrolled(house)
        assert await waits(house, "alone") == await waits(house, "nobody") == [1, 2, 4, 8]

    in_house(scenario)


def test_a_device_whose_secret_is_known_is_not_locked_out_by_somebody_elses_guesses() -> None:
    async def scenario(house: House) -> None:
        ea = await enrolled(house)
        await ea.open()
        thief = Ea(house, "alone")
        thief.secret = "guess"
        while (await thief.open()).status != 429:
            pass
        assert (await ea.open()).status == 201

    in_house(scenario)


def test_a_verified_secret_costs_no_second_memory_hard_hash() -> None:
    async def scenario(house: House) -> None:
        ea = await enrolled(house)
        await ea.open()
        before = house.hashes.verified
        for _ in range(5):
            assert (await ea.open()).status == 201
        assert house.hashes.verified == before

    in_house(scenario)


def test_another_device_has_to_wait_and_is_told_for_what() -> None:
    async def scenario(house: House) -> None:
        first = await enrolled(house)
        await first.open()
        await house.submit(
            commands.PublishAccount(
                account="alone",  # type: ignore[arg-type]
                tenant="acme",  # type: ignore[arg-type]
                revision=99,
                enrolment_code_hash=code_hash("code of another device"),
            )
        )
        second = Ea(house, "alone", "laptop")
        answer = await second.call(
            "POST", "/enrolments", {"code": "code of another device", "deviceId": "laptop"}, Authorization=""
        )
        second.secret = answer.json["secret"]
        held = await second.open()
        assert held.status == 409
        problem = held.json
        assert problem["code"] == "session_lease_held"
        assert problem["holder"]["deviceId"] == "vps"
        assert "operator" in problem["hint"]
        assert 0 < problem["retryAfterSeconds"] <= 180
        assert held.headers["retry-after"] == str(problem["retryAfterSeconds"])
        await house.time.sleep(problem["retryAfterSeconds"])
        assert (await second.open()).status == 201
        assert (await first.poll()).status == 401

    in_house(scenario)


def test_the_same_device_takes_its_own_lease_over_and_the_old_token_dies() -> None:
    async def scenario(house: House) -> None:
        ea = await enrolled(house)
        await ea.open()
        old = ea.token
        await ea.open()
        assert ea.token != old
        assert (await ea.poll()).status == 200
        assert (await ea.call("GET", "/sessions/current/outbox", Authorization=f"Bearer {old}")).status == 401

    in_house(scenario)


def test_a_take_over_ends_the_poll_that_the_old_token_has_parked() -> None:
    async def scenario(house: House) -> None:
        ea = await enrolled(house)
        await ea.open()
        cursor = house.service.core.engine.committed
        parked = asyncio.create_task(ea.poll(cursor, wait=20))
        await house.time.sleep(1)
        await ea.open()
        assert (await parked).status == 401

    in_house(scenario)


def test_any_authenticated_call_renews_the_lease_and_nothing_is_journaled() -> None:
    async def scenario(house: House) -> None:
        ea = await enrolled(house)
        await ea.open()
        written = house.disk.appends
        for _ in range(10):
            await house.time.sleep(50)
            assert (await ea.poll()).status == 200
        assert house.disk.appends == written

    in_house(scenario)


def test_a_restart_gives_every_lease_a_full_term_and_keeps_the_token() -> None:
    async def scenario(house: House) -> None:
        ea = await enrolled(house)
        await ea.open()
        await house.time.sleep(170)
        await house.restart()
        await house.time.sleep(170)
        assert (await ea.poll()).status == 200

    in_house(scenario)


def test_release_by_either_route_is_answered_again_though_the_token_is_dead() -> None:
    async def scenario(house: House) -> None:
        ea = await enrolled(house)
        for method, path in (("DELETE", "/sessions/current"), ("POST", "/sessions/current/release")):
            await ea.open()
            first = await ea.call(method, path, Idempotency_Key=f"release by {method}".replace(" ", "-"))
            assert (first.status, first.json) == (200, {"status": "released"})
            again = await ea.call(method, path, Idempotency_Key=f"release by {method}".replace(" ", "-"))
            assert (again.status, again.body) == (first.status, first.body)
            assert again.headers["idempotent-replayed"] == "true"
            assert (await ea.call(method, path)).status == 401, "another key, and no session"
            assert (await ea.poll()).status == 401

    in_house(scenario)


def test_session_events_reach_a_session_that_waits_for_approval() -> None:
    async def scenario(house: House) -> None:
        await house.publish("waiting", requires_approval=True)
        ea = await house.ea("waiting")
        assert (await ea.report(("ea.heartbeat", {}))).status == 202
        parked = asyncio.create_task(ea.poll(ea.session["resumeCursor"], wait=20))
        await house.time.sleep(1)
        await house.submit(
            commands.ApproveSession(account="waiting", session=None, subject="operator")  # type: ignore[arg-type]
        )
        events = (await parked).json["events"]
        assert events[-1]["eventType"] == "session.approved"
        assert (await ea.signal()).status == 202

    in_house(scenario)


def test_a_forced_release_ends_the_session_at_once() -> None:
    async def scenario(house: House) -> None:
        ea = await enrolled(house)
        await ea.open()
        await house.submit(
            commands.EndSession(
                account="alone",  # type: ignore[arg-type]
                session=None,
                reason=SessionEnd.FORCED,
                subject="operator",
            )
        )
        assert (await ea.poll()).status == 401

    in_house(scenario)


def test_the_first_answer_to_an_old_key_has_the_very_same_token_also_after_a_restart() -> None:
    async def scenario(house: House) -> None:
        ea = await enrolled(house)
        first = await ea.open(Idempotency_Key="open")
        again = await ea.open(Idempotency_Key="open")
        await house.restart()
        after = await ea.open(Idempotency_Key="open")
        assert first.body == again.body == after.body
        assert after.headers["idempotent-replayed"] == "true"
        assert (await ea.poll()).status == 200

    in_house(scenario)


def test_an_enrolment_is_answered_again_with_the_very_same_secret_also_after_a_restart() -> None:
    async def scenario(house: House) -> None:
        await house.publish("alone")
        ea = Ea(house, "alone")
        first = await ea.enrol(Idempotency_Key="enrol")
        await house.restart()
        again = await ea.enrol(Idempotency_Key="enrol")
        assert (first.status, first.body) == (again.status, again.body)
        assert len(ea.secret) == 43, "256 bits"
        assert (await ea.enrol(Idempotency_Key="other")).status == 401, "a code works once"
        assert (await ea.open()).status == 201

    in_house(scenario)


def test_neither_tokens_nor_secrets_nor_codes_are_in_the_journal() -> None:
    async def scenario(house: House) -> None:
        ea = await enrolled(house)
        await ea.open()
        everything = b"".join(msgspec.msgpack.encode(recorded) for recorded in await journal(house))
        mac = ea.token.partition(".")[2]
        for secret in (ea.secret, mac, "code of alone"):
            stored = everything.replace(f"hash of {ea.secret}".encode(), b"")
            assert secret.encode() not in stored

    in_house(scenario)


def test_tokens_outlive_a_rotation_of_the_service_key() -> None:
    async def scenario(house: House) -> None:
        ea = await enrolled(house)
        await ea.open(Idempotency_Key="open")
        first = ea.token
        keys = {**house.settings["token_keys"], "k2": SecretStr(base64.b64encode(b"n" * 32).decode())}
        house.settings |= {"token_keys": keys, "token_key_id": "k2"}
        await house.restart()
        assert (await ea.poll()).status == 200
        await ea.open(Idempotency_Key="open")
        assert ea.token == first
        assert (await ea.signal(key="s")).status == 202
        await ea.open()
        assert ea.token != first

    in_house(scenario)
