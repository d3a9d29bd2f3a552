"""Logs that grow are shortened to their sum, and the sum says the same."""

from decimal import Decimal

import pytest

from kopitra.domain.identifiers import EventId
from kopitra.domain.trading import AckStatus, OrderAction
from kopitra.simulation.virtual_time import VirtualTime
from kopitra_agent.hand import memory as hand_memory
from kopitra_agent.hand.memory import HandMemory
from kopitra_agent.hand.records import Began, order_outcome
from kopitra_agent.hand.state import KEPT_OUTCOMES
from kopitra_agent.sensor import memory as sensor_memory
from kopitra_agent.sensor.memory import SensorMemory
from kopitra_agent.settings import Role
from tests.unit.agent.broker import limit_order
from tests.unit.agent.memory_storage import Disk, MemoryStorage
from tests.unit.agent.scene import Scene, order, play
from tests.unit.agent.test_closing import done, opened

HAND_LOG, SENSOR_LOG = "Demo-1-7-hand.log", "Demo-1-7-sensor.log"


def test_a_shortened_hand_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hand_memory, "SHORTEN_AFTER_RECORDS", 7)

    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        for number in range(1, 30, 2):
            async with scene.running():
                await opened(scene, number, volume="0.10")
                halt = scene.server.post("trading.halted", {})
                close = scene.server.command(order(number + 1, OrderAction.CLOSE, copy=number - number % 4))
                resume = scene.server.post("trading.resumed", {})
                await scene.until(lambda h=halt, c=close, r=resume: h.retired and c.retired and r.retired)
            assert len(scene.disk.logs[HAND_LOG]) <= 8
        again = scene.server.command(order(1))
        async with scene.running():
            assert await done(scene, again) is AckStatus.EXECUTED
        whole = HandMemory(MemoryStorage(scene.disk), HAND_LOG).state
        assert len(scene.broker.deals) == len(scene.server.executions)
        assert whole.executions == []
        assert whole.unreported == {}
        assert set(whole.copies) == {p.magic for p in scene.broker.positions.values()}
        assert {c.volume for c in whole.copies.values()} == {Decimal("0.10")}

    play(main)


def test_a_shortened_sensor_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sensor_memory, "SHORTEN_AFTER_RECORDS", 3)

    async def main(world: VirtualTime) -> None:
        scene = Scene(world, Role.LEADER)
        async with scene.running():
            await scene.until(lambda: SENSOR_LOG in scene.disk.logs)
        for _ in range(6):
            scene.server.down = True
            async with scene.running():
                position = scene.broker.open()
                scene.broker.place(limit_order(scene.broker))
                await world.sleep(1)
                scene.broker.close(position.ticket, "0.40")
                await world.sleep(1)
            scene.server.down = False
            async with scene.running():
                await world.sleep(10)
        state = SensorMemory(MemoryStorage(scene.disk), SENSOR_LOG, lambda code, message: None).state
        assert len(scene.disk.logs[SENSOR_LOG]) <= 4
        assert sorted(s.ordinal for s in scene.server.signals.values()) == list(range(1, 19))
        assert state.held == {}
        assert set(state.book.positions) == set(scene.broker.positions)
        assert set(state.book.orders) == set(scene.broker.orders)

    play(main)


def test_old_outcomes_are_forgotten_once_reported_and_recent_ones_kept():
    memory = HandMemory(MemoryStorage(Disk()), HAND_LOG)
    memory.record(Began(cursor=0))
    for number in range(KEPT_OUTCOMES + 10):
        memory.record(order_outcome(order(number), EventId("e"), number, AckStatus.EXPIRED))
    assert len(memory.state.outcomes) == KEPT_OUTCOMES
    assert len(memory.state.unreported) == KEPT_OUTCOMES + 10  # nobody was told yet
    assert "o-5" not in memory.state.outcomes
    assert f"o-{KEPT_OUTCOMES}" in memory.state.outcomes
    assert memory.state.copies == {}
