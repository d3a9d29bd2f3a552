"""docs/runbooks/queue-draining.md: commands that were set aside by a real counterparty, and their way back."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kopitra.application.ports.queue import Message, Queue
from kopitra.application.submission import Phase
from kopitra.domain.identifiers import SubscriptionId
from kopitra.machine.state import State
from kopitra_cli.configuration.document import read_document
from kopitra_cli.configuration.operations import Issue, messages_of, operations_of
from kopitra_counterparty.bootstrap import open_ports
from kopitra_counterparty.counterparty import counterparty as counterparty_of
from kopitra_counterparty.service import Service
from tests.integration.counterparty.server import settings_for

FILE = """\
tenant: acme
accounts:
  leader-1: {label: Main desk}
  follower-1: {}
groups:
  majors: {leaders: [leader-1]}
subscriptions:
  follower-1-majors: {group: majors, follower: follower-1, rules: {sizing: {mode: same_volume}, multiplier: MULTIPLIER}}
"""
NAME = SubscriptionId("follower-1-majors")
PATIENCE = 200
PAUSE = 0.05


class Counterparty:
    """One that serves, with its own queues in files."""

    def __init__(self, service: Service, commands: Queue) -> None:
        self._service = service
        self.commands = commands

    @property
    def state(self) -> State:
        return self._service.core.engine.state

    async def settled(self, set_aside: int) -> None:
        for _ in range(PATIENCE):
            counts = await self.commands.counts()
            if (counts.active + counts.locked + counts.scheduled, counts.dead_letter) == (0, set_aside):
                return
            await asyncio.sleep(PAUSE)
        raise AssertionError(await self.commands.counts())


def messages(multiplier: str, revision: int) -> dict[str, Message]:
    """By what they are about."""
    document = read_document(FILE.replace("MULTIPLIER", multiplier), "platform.yaml")
    operations = operations_of(document, Issue(by="anna", at=datetime.now(UTC), revision=revision))
    names = ["leader-1", "follower-1", "majors", NAME]
    return dict(zip(names, messages_of(operations), strict=True))


@pytest.fixture
async def counterparty(tmp_path: Path) -> AsyncIterator[Counterparty]:
    settings = settings_for(tmp_path)
    ports = await open_ports(settings)
    assert ports.queues is not None
    service = counterparty_of(settings, ports, None)
    service.start()
    while service.core.engine.phase is not Phase.SERVING:  # noqa: ASYNC110  # once, in a test's preparation
        await asyncio.sleep(0.01)
    yield Counterparty(service, ports.queues.commands)
    await service.stop()
    await ports.close()


async def replay_all(queue: Queue) -> int:
    waiting = await queue.receive(10, dead_letter=True)
    for each in waiting:
        await queue.replay(each)
    return len(waiting)


async def test_a_configuration_that_was_set_aside_is_sent_round_again_and_takes_effect(
    counterparty: Counterparty,
) -> None:
    wanted = messages("2", revision=1)
    subscription = wanted.pop(NAME)
    await counterparty.commands.send([subscription])
    await counterparty.settled(set_aside=1)
    assert NAME not in counterparty.state.subscriptions

    await counterparty.commands.send(list(wanted.values()))
    await counterparty.settled(set_aside=1)
    assert await replay_all(counterparty.commands) == 1

    await counterparty.settled(set_aside=0)
    assert NAME in counterparty.state.subscriptions


async def test_an_old_configuration_that_comes_back_changes_nothing(counterparty: Counterparty) -> None:
    old = messages("2", revision=1)
    await counterparty.commands.send([old[NAME]])
    await counterparty.settled(set_aside=1)
    await counterparty.commands.send(list(messages("3", revision=2).values()))
    await counterparty.settled(set_aside=1)
    before = counterparty.state.subscriptions[NAME].rules

    assert await replay_all(counterparty.commands) == 1
    await counterparty.settled(set_aside=0)

    assert counterparty.state.subscriptions[NAME].rules == before
    assert before.multiplier == 3
