"""docs/runbooks/ea-failover.md: a follower's machine is gone, and another one takes its account over."""

from kopitra.application.tokens import code_hash
from kopitra.domain.identifiers import AccountId, DeviceId
from kopitra.machine import commands
from tests.unit.copying.world import TENANT
from tests.unit.counterparty.house import FOLLOWER, Ea, House, in_house

NEW_CODE = "the operator's second code"
LATER = 1_000
"""A revision above those of the configuration so far."""


async def publish(house: House, *, revision: int, revoked: tuple[DeviceId, ...] = ()) -> None:
    """What the management side sends for a new code, and for a device that is shut out."""
    await house.submit(
        commands.PublishAccount(
            account=AccountId(FOLLOWER),
            tenant=TENANT,
            revision=revision,
            enrolment_code_hash=code_hash(NEW_CODE),
            revoked_devices=revoked,
        )
    )


async def spare_of(house: House) -> Ea:
    spare = Ea(house, FOLLOWER, "spare")
    body = {"code": NEW_CODE, "deviceId": "spare"}
    answer = await spare.call("POST", "/enrolments", body, Authorization="")
    assert answer.status == 201, answer
    spare.secret = answer.json["secret"]
    return spare


def test_a_second_device_takes_over_with_what_the_first_had_not_done() -> None:
    async def scenario(house: House) -> None:
        await house.group()
        leader, lost = await house.ea("leader"), await house.ea(FOLLOWER)
        signal = await leader.signal()
        await lost.poll(lost.session["resumeCursor"])  # it has the command, and dies with it

        await publish(house, revision=LATER)
        spare = await spare_of(house)
        held = await spare.open()
        assert (held.status, held.json["code"]) == (409, "session_lease_held")
        assert held.json["holder"]["deviceId"] == "vps"

        headers = {"Authorization": f"Bearer {house.operator('operator')}"}
        path = f"/sessions/{lost.session['sessionId']}/release"
        released = await spare.call("POST", path, {}, **headers)
        assert released.status == 200, released
        assert (await spare.open()).status == 201

        page = await spare.poll(spare.session["resumeCursor"])
        orders = [event for event in page.json["events"] if event["eventType"] == "trade.started"]
        assert [event["sequence"] for event in orders] == [signal.json["sequence"]]
        assert (await lost.poll()).status == 401, "the first device's token is dead"

    in_house(scenario)


def test_a_lease_that_nobody_renews_ends_by_itself() -> None:
    async def scenario(house: House) -> None:
        await house.group()
        lost = await house.ea(FOLLOWER)
        await publish(house, revision=LATER)
        spare = await spare_of(house)
        held = await spare.open()
        await house.time.sleep(lost.session["leaseTtlSeconds"] + 5)
        assert held.json["retryAfterSeconds"] <= lost.session["leaseTtlSeconds"]
        assert (await spare.open()).status == 201

    in_house(scenario)


def test_a_device_that_is_shut_out_does_not_come_back() -> None:
    async def scenario(house: House) -> None:
        await house.group()
        lost = await house.ea(FOLLOWER)
        await publish(house, revision=LATER)
        spare = await spare_of(house)
        await publish(house, revision=LATER + 1, revoked=(DeviceId("vps"),))

        assert (await lost.poll()).status == 401
        assert (await lost.open()).status == 401
        assert (await spare.open()).status == 201

    in_house(scenario)
