"""A process starts with a clock that is right, after one whose clock was ahead: what that recorded has no age."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from kopitra.machine.readings import CLOCKS_APART
from tests.unit.counterparty.house import FOLLOWER, Ea, House, in_house
from tests.unit.machine.driven import SAME

DELAYED = msgspec.structs.replace(SAME, delay_seconds=20)


async def events(ea: Ea) -> list[tuple[str, int | None]]:
    """What a poll gets at once: each action, and the time that an open has left."""
    told: list[dict[str, Any]] = (await ea.poll()).json["events"]
    return [(e["payload"]["action"], e["payload"].get("ttlMs")) for e in told if "action" in e["payload"]]


async def restarted(house: House, ahead: timedelta) -> Ea:
    """The follower, at a process whose clock is right, after one that was so much ahead and planned an open."""
    leader, follower = await house.ea("leader"), await house.ea(FOLLOWER)
    assert (await leader.signal()).json["planned"] == 1
    assert (await leader.signal(action="modify", stopLoss="1.0")).status == 202
    house.clock_ahead -= ahead
    await house.restart()
    return follower


@pytest.mark.parametrize("rules", [SAME, DELAYED])
def test_an_open_is_handed_out_at_once_with_no_time_left(rules: Any) -> None:
    async def scenario(house: House) -> None:
        await house.group(rules=rules)
        follower = await restarted(house, timedelta(minutes=10))
        assert await events(follower) == [("open", 0), ("modify", None)]

    in_house(scenario)


def test_a_clock_that_was_right_leaves_it_its_time() -> None:
    async def scenario(house: House) -> None:
        await house.group()
        follower = await restarted(house, CLOCKS_APART)
        [(action, left), modify] = await events(follower)
        assert (action, modify) == ("open", ("modify", None))
        assert left is not None
        assert left > 40_000

    in_house(scenario)


def test_a_delayed_one_waits_as_ever_where_the_clock_was_right() -> None:
    async def scenario(house: House) -> None:
        await house.group(rules=DELAYED)
        follower = await restarted(house, timedelta(0))
        assert await events(follower) == []
        await house.time.sleep(20)
        assert [action for action, _ in await events(follower)] == ["open", "modify"]

    in_house(scenario)
