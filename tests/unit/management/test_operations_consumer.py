"""Operators' messages are done once, tried again, or set aside with a reason."""

from typing import Any

import msgspec

from kopitra.application.operations import OperationsConsumer
from kopitra.application.ports.queue import Message
from kopitra.simulation.queue import MemoryQueue
from kopitra.simulation.virtual_time import VirtualTime, run_virtual
from tests.unit.copying.world import TENANT
from tests.unit.engine.shard import FOLLOWER, Instance, Shard


def message(command_type: str, parameters: dict[str, Any], revision: int = 5000, **changes: Any) -> Message:
    body: dict[str, Any] = {
        "commandType": command_type,
        "tenant": TENANT,
        "revision": revision,
        "issuedAt": "2026-01-05T08:00:00Z",
        "issuedBy": "olga",
        "parameters": parameters,
    }
    return Message(body=msgspec.json.encode(body | changes), message_id=f"{command_type}-{revision}")


async def running(time: VirtualTime) -> tuple[Instance, MemoryQueue]:
    instance = await Shard(time).instance().configured()
    queue = MemoryQueue(time, time)
    instance.tasks.spawn(OperationsConsumer(queue=queue, engine=instance.engine, sleeper=time).run())
    return instance, queue


def test_a_published_setting_is_in_force_and_its_message_gone() -> None:
    async def main(time: VirtualTime) -> None:
        instance, queue = await running(time)
        await queue.send(
            [message("config.publish", {"kind": "account", "label": "new label"}, account=FOLLOWER)]
        )
        await time.sleep(1)
        assert instance.engine.state.accounts[FOLLOWER].label == "new label"
        assert (queue.waiting, queue.dead) == ({}, {})

    run_virtual(1, main)


def test_a_stale_revision_changes_nothing_and_is_done() -> None:
    async def main(time: VirtualTime) -> None:
        instance, queue = await running(time)
        for revision, label in ((5000, "second"), (4000, "first")):
            settings = {"kind": "account", "label": label}
            await queue.send([message("config.publish", settings, revision, account=FOLLOWER)])
            await time.sleep(1)
        assert instance.engine.state.accounts[FOLLOWER].label == "second"
        assert (queue.waiting, queue.dead) == ({}, {})

    run_virtual(1, main)


def test_what_is_malformed_or_refused_is_set_aside_with_the_reason() -> None:
    async def main(time: VirtualTime) -> None:
        instance, queue = await running(time)
        before = instance.engine.state.sequence
        await queue.send(
            [
                Message(body=b"no json", message_id="m1"),
                message("config.publish", {"kind": "group", "group": "g", "leaders": []}),
            ]
        )
        await time.sleep(1)
        reasons = [m.dead_letter_reason for m in queue.dead.values()]
        assert reasons == ["malformed", "group_without_leaders"]
        assert all(m.dead_letter_error_description for m in queue.dead.values())
        assert instance.engine.state.sequence == before

    run_virtual(1, main)


def test_what_refers_to_something_on_its_way_is_delivered_three_times_before_it_is_given_up() -> None:
    async def main(time: VirtualTime) -> None:
        _, queue = await running(time)
        settings = {
            "kind": "subscription",
            "subscription": "s",
            "group": "not-yet",
            "follower": FOLLOWER,
            "rules": {"sizing": {"mode": "same_volume"}},
        }
        await queue.send([message("config.publish", settings)])
        await time.sleep(30)
        [dead] = queue.dead.values()
        assert dead.dead_letter_reason == "MaxDeliveryCountExceeded"

    run_virtual(1, main)


def test_a_counterparty_that_does_not_serve_keeps_the_message_for_later() -> None:
    async def main(time: VirtualTime) -> None:
        shard = Shard(time)
        instance = shard.instance()
        queue = MemoryQueue(time, time)
        instance.tasks.spawn(OperationsConsumer(queue=queue, engine=instance.engine, sleeper=time).run())
        await queue.send([message("trading.halt", {"scope": "platform"})])
        await time.sleep(300)
        assert len(queue.waiting) == 1
        await instance.serving()
        await time.sleep(5)
        assert (queue.waiting, queue.dead) == ({}, {})
        assert instance.engine.state.halts == {f"platform:{TENANT}": "close_only"}

    run_virtual(1, main)
