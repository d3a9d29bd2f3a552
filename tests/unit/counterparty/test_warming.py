"""After a restart the first open waits a moment for its followers' figures, and for nothing else."""

import asyncio
from typing import Any

import pytest

from kopitra.application.warming import WARM_UP_SECONDS
from kopitra.domain.settings import CopySettings
from kopitra.domain.sizing_modes import BalanceRatio
from kopitra.machine import commands
from kopitra.simulation.journal import AppendFault
from tests.unit.copying.world import GROUP, TENANT
from tests.unit.counterparty.house import FOLLOWER, Ea, House, in_house

FIGURES = (
    ("ea.account_snapshot", {"login": 77, "server": "Broker", "balance": "20000", "currency": "USD"}),
    ("ea.quotes", {"quotes": [{"symbol": "EURUSD", "bid": "1.1", "ask": "1.1001"}]}),
)


async def restarted(house: House) -> tuple[Ea, Ea]:
    """A leader and a follower whose size depends on its balance, connected, just after a restart."""
    leader, follower = await connected(house)
    await house.restart()
    return leader, follower


async def connected(house: House) -> tuple[Ea, Ea]:
    await house.group()
    rules = CopySettings(sizing=BalanceRatio())
    await house.submit(
        commands.PublishSubscription(
            subscription=f"sub-{FOLLOWER}",  # type: ignore[arg-type]
            tenant=TENANT,
            revision=1000,
            group=GROUP,
            follower=FOLLOWER,
            rules=rules,
        )
    )
    leader, follower = await house.ea("leader"), await house.ea(FOLLOWER)
    await follower.report(*FIGURES)
    return leader, follower


def test_an_open_waits_for_the_figures_that_its_followers_are_about_to_tell() -> None:
    async def scenario(house: House) -> None:
        leader, follower = await restarted(house)
        signal = asyncio.ensure_future(leader.signal())
        await house.time.sleep(1)
        assert not signal.done()
        await follower.report(*FIGURES)
        assert (await signal).json["planned"] == 1
        [event] = (await follower.poll()).json["events"]
        assert event["payload"]["volume"] == "2.00"
        assert event["payload"]["ttlMs"] <= 59_000

    in_house(scenario)


def test_who_is_not_back_in_time_is_skipped_with_the_reason_that_is_true() -> None:
    async def scenario(house: House) -> None:
        leader, _ = await restarted(house)
        began = house.time.monotonic()
        answer = await leader.signal()
        assert house.time.monotonic() - began == pytest.approx(WARM_UP_SECONDS, abs=0.2)
        assert (answer.json["planned"], answer.json["skipped"]) == (0, 1)

    in_house(scenario)


@pytest.mark.parametrize("case", ["a close", "later", "disconnected"])
def test_nothing_else_waits(case: str) -> None:
    async def scenario(house: House) -> None:
        leader, follower = await restarted(house)
        changes: dict[str, Any] = {}
        if case == "a close":
            changes["action"] = "close"
        elif case == "later":
            await house.time.sleep(WARM_UP_SECONDS)
        else:
            await follower.call("DELETE", "/sessions/current")
        began = house.time.monotonic()
        await leader.signal(**changes)
        assert house.time.monotonic() - began < 0.1

    in_house(scenario)


def test_a_leader_whose_open_waited_while_the_state_was_rebuilt_is_not_silent() -> None:
    async def scenario(house: House) -> None:
        leader, follower = await connected(house)
        await leader.signal("p1")
        for _ in range(7):
            await house.time.sleep(15)
            await follower.poll()
        await house.restart()
        signal = asyncio.ensure_future(leader.signal("p2"))
        await house.time.sleep(0.02)
        house.disk.faults.append(AppendFault.UNCLEAR_LOST)
        await follower.report(("ea.error", {"code": "x", "message": "something to write down"}))
        await house.time.sleep(2)
        assert not signal.done()
        await follower.report(*FIGURES)
        assert (await signal).json["planned"] == 1

    in_house(scenario)
