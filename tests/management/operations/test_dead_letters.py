"""Messages that were set aside are looked at and sent round again, by admins, each for their own tenant."""

import msgspec

from kopitra.application.ports.queue import Message
from tests.management.world import EVERYBODY, OTHER, TENANT, Managed


async def set_aside(house: Managed, queue: str, *messages: tuple[str, bytes]) -> None:
    here = getattr(house.world.queues, queue)
    await here.send([Message(body=body, message_id=name, subject="x") for name, body in messages])
    for each in await here.receive(len(messages)):
        await here.dead_letter(each, reason="malformed", error_description="no such field")


def told(tenant: str) -> bytes:
    return msgspec.json.encode({"tenant": tenant, "messageType": "x"})


async def seen(house: Managed, queue: str, query: str = "", tenant: str = TENANT) -> list[str]:
    answer = await house.call("GET", f"/dead-letters/{queue}{query}", tenant=tenant)
    assert answer.status == 200, answer
    return [item["messageId"] for item in answer.json["items"]]


async def test_dead_letters_are_shown_with_their_reason_to_whom_they_concern(house: Managed) -> None:
    mixed = [("a", told(TENANT)), ("b", told(OTHER)), ("c", b"no json \xff")]
    for queue in ("events", "history", "commands", "tasks"):
        await set_aside(house, queue, *mixed)
        async with house.sql_locked():
            assert await seen(house, queue) == ["a"]
        assert await seen(house, queue, tenant=EVERYBODY) == ["a", "b", "c"]
        assert await seen(house, queue, f"?tenant={OTHER}", tenant=EVERYBODY) == ["b"]
    answer = await house.call("GET", "/dead-letters/events")
    [item] = answer.json["items"]
    assert (item["reason"], item["detail"], item["deliveries"]) == ("malformed", "no such field", 1)
    assert (answer.json["waiting"], answer.json["more"]) == (3, False)
    assert (await house.call("GET", "/dead-letters/events", role="operator")).status == 403
    assert (await house.call("GET", "/dead-letters/others")).status == 404


async def test_pages_of_dead_letters_follow_one_another(house: Managed) -> None:
    await set_aside(house, "history", *((f"m{number}", told(TENANT)) for number in range(5)))
    first = await house.call("GET", "/dead-letters/history?limit=3")
    assert (len(first.json["items"]), first.json["more"]) == (3, True)
    rest = await house.call("GET", f"/dead-letters/history?limit=3&cursor={first.json['cursor']}")
    assert [item["messageId"] for item in rest.json["items"]] == ["m3", "m4"]
    assert rest.json["more"] is False


async def test_a_dead_letter_goes_round_again_and_the_others_stay(house: Managed) -> None:
    await set_aside(house, "history", ("a", told(TENANT)), ("b", told(TENANT)), ("c", told(OTHER)))
    wanted = {"messageIds": ["b", "c", "nobody"]}
    answer = await house.call("POST", "/dead-letters/history/replay", wanted)
    assert (answer.status, answer.json) == (200, {"replayed": 1})
    assert await seen(house, "history", tenant=EVERYBODY) == ["a", "c"]
    [back] = await house.world.queues.history.receive(10)
    assert (back.message.message_id, back.delivery_count) == ("b", 1)
    again = await house.call("POST", "/dead-letters/history/replay", wanted)
    assert again.json == {"replayed": 0}
    assert (await house.call("POST", "/dead-letters/history/replay", wanted, role="operator")).status == 403
    assert (await house.call("POST", "/dead-letters/history/replay", {"messageIds": []})).status == 422
