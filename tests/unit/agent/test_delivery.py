"""How reports reach the counterparty: repeated until answered, told once, none lost with its neighbours."""

from typing import Any

import pytest

from kopitra.domain.telemetry import EaError, OutboxAck
from kopitra.domain.trading import AckStatus
from kopitra.protocol import headers
from kopitra.protocol.events import InboxType
from kopitra.simulation.virtual_time import VirtualTime
from kopitra_agent.ports.transport import Request
from tests.unit.agent.broker import Script
from tests.unit.agent.counterparty import Fault, counts
from tests.unit.agent.scene import Scene, order, play


def reports(scene: Scene) -> list[Request]:
    return [r for r in scene.server.posts("/inbox") if r.body is not None and b"OutboxAck" in r.body]


@pytest.mark.parametrize("fault", ["lost_request", "lost_answer", 500, 503, 429])
def test_a_report_is_repeated_with_the_same_key_and_body_until_it_is_answered(fault: Fault):
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            await scene.until(lambda: len(scene.server.told) > 3)
            await world.sleep(0.2)
            fail = scene.server.fail
            scene.broker.scripts.append(Script(before=lambda: fail("/inbox", fault, times=3)))
            item = scene.server.command(order(1))
            await scene.until(lambda: item.retired)
        sent = [r for r in reports(scene) if item.event_id.encode() in (r.body or b"")]
        assert len(sent) == 4
        assert len({r.headers[headers.IDEMPOTENCY_KEY] for r in sent}) == 1
        assert len({r.body for r in sent}) == 1
        assert counts(scene.server.acks)[item.event_id] == 1

    play(main)


def test_what_happens_while_a_report_is_under_way_goes_together_in_the_next():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world, concurrent_opens=50)
        async with scene.running():
            await scene.until(lambda: len(scene.server.told) > 3)
            items = [scene.server.command(order(n)) for n in range(1, 51)]
            await scene.until(lambda: all(i.retired for i in items))
        assert len(reports(scene)) <= 5

    play(main)


def test_one_report_that_is_refused_for_good_goes_to_the_dead_letters_and_takes_no_other_with_it():
    def refuses(kind: str, payload: Any) -> bool:
        return isinstance(payload, OutboxAck) and payload.event_id.endswith("-2")

    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        scene.server.refuses = refuses
        async with scene.running():
            items = [scene.server.command(order(n)) for n in (1, 2, 3)]
            await scene.until(lambda: items[0].retired and items[2].retired)
            await scene.until(lambda: scene.server.said(InboxType.ERROR))
        [letter] = scene.disk.logs["dead-letters.log"]
        assert items[1].event_id.encode() in letter
        [error] = scene.server.said(InboxType.ERROR)
        assert isinstance(error, EaError)
        assert error.code == "report_refused"
        assert len(scene.server.executions) == 3

    play(main)


def test_a_pause_that_the_server_asks_for_is_kept():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            await scene.until(lambda: len(scene.server.told) > 3)
            await world.sleep(0.5)
            scene.server.fail("/inbox", 429)
            scene.server.retry_after = 20
            item = scene.server.command(order(1))
            await scene.until(lambda: item.retired)
        times = [
            at for at, r in scene.server.calls if r.body is not None and item.event_id.encode() in r.body
        ]
        assert times[1] - times[0] >= 20

    play(main)


def test_reports_survive_a_restart_and_are_told_then():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            await scene.until(lambda: len(scene.server.told) > 3)
            scene.broker.scripts.append(Script(before=scene.server.stop))
            item = scene.server.command(order(1))
            await scene.until(lambda: scene.broker.deals)
            await world.sleep(30)
        assert not item.retired
        scene.server.down = False
        async with scene.running():
            await scene.until(lambda: item.retired)
        assert scene.server.status_of(item) is AckStatus.EXECUTED
        assert len(scene.server.executions) == len(scene.broker.deals) == 1

    play(main)


def test_a_thousand_executions_are_told_in_posts_that_the_wire_takes():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world, concurrent_opens=500)
        scene.server.ttl_ms = 600_000
        async with scene.running():
            items = [scene.server.command(order(n)) for n in range(1, 1001)]
            await scene.until(lambda: scene.server.sessions and len(scene.broker.deals) > 300)
            scene.server.down = True
            await scene.until(lambda: len(scene.broker.deals) > 400)
            await world.sleep(20)
            scene.server.down = False
            await scene.until(lambda: all(i.retired for i in items))
        assert len(scene.server.executions) == 1000
        assert set(counts(scene.server.acks).values()) == {1}

    play(main)
