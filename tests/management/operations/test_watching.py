"""The watch and the sweep see what the counterparty shows, and tell what matters once. They are given no SQL."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from kopitra.domain.instants import rfc3339
from kopitra.protocol.operations import OperationType, parse_operation
from kopitra_functions.timers.heartbeat_watch import HeartbeatWatch, WatchNotes
from kopitra_functions.timers.memory import Memory
from kopitra_functions.timers.reconcile_sweep import ReconcileSweep, SweepNotes
from kopitra_functions.timers.sampling import KEPT_AT_MOST, SAMPLE_EVERY, Sampling
from tests.management.world import TENANT, Managed


def session(house: Managed, account: str = "f1", ago: float = 1.0, **changes: Any) -> dict[str, Any]:
    """A sound session that told everything `ago` seconds ago."""
    told = rfc3339(house.clock.now() - timedelta(seconds=ago))
    sound: dict[str, Any] = {
        "sessionId": f"s-{account}",
        "account": account,
        "tenant": TENANT,
        "status": "authenticated",
        "openedAt": told,
        "silent": False,
        "lastContactAt": told,
        "balanceAt": told,
        "snapshotAt": told,
        "balance": "1000.5",
        "equity": "990",
        "currency": "EUR",
        "liveCopies": 0,
        "leaderPositions": 0,
        "incidents": [],
    }
    return sound | changes


def show(house: Managed, *sessions: dict[str, Any]) -> None:
    house.counterparty.answer("GET", "/sessions", 200, {"sessions": list(sessions), "serverTime": ""})


class Watch:
    """A watch, with whether SQL is awake as the test says."""

    def __init__(self, house: Managed) -> None:
        self.house = house
        self.awake = False

        async def is_awake() -> bool:
            return self.awake

        history = house.world.queues.history
        self.watch = HeartbeatWatch(
            counterparty=house.world.counterparty,
            tokens=house.world.tokens,
            events=house.world.queues.events,
            memory=Memory(house.world.blobs, "heartbeat_watch", WatchNotes),
            sampling=Sampling(blobs=house.world.blobs, history=history, is_awake=is_awake),
            clock=house.clock,
        )

    async def round(self) -> list[Any]:
        """What a round has told."""
        await self.watch.run()
        told: list[Any] = []
        for queue in (self.house.world.queues.events, self.house.world.queues.history):
            for each in await queue.receive(1000):
                await queue.complete(each)
                told.append(msgspec.json.decode(each.message.body))
        return told


@pytest.fixture
def watch(house: Managed) -> Watch:
    return Watch(house)


async def test_a_session_that_falls_silent_is_told_of_once(watch: Watch) -> None:
    house = watch.house
    show(house, session(house, "f1", ago=179), session(house, "f2", ago=180, liveCopies=1))
    [told] = await watch.round()
    assert (told["messageType"], told["tenant"], told["account"]) == ("notification.raised", TENANT, "f2")
    assert (told["payload"]["kind"], told["payload"]["severity"]) == ("session.silent", "critical")
    assert await watch.round() == []
    show(house, session(house, "f1"), session(house, "f2"))
    assert await watch.round() == []
    show(house, session(house, "f1"), session(house, "f2", ago=200))
    assert [told["payload"]["severity"] for told in await watch.round()] == ["warning"]


async def test_figures_too_old_to_size_by_are_told_of(watch: Watch) -> None:
    house = watch.house
    old = rfc3339(house.clock.now() - timedelta(minutes=10))
    show(house, session(house, "f1", balanceAt=old), session(house, "f2", balanceAt=None, openedAt=old))
    told = await watch.round()
    assert [(each["account"], each["payload"]["kind"]) for each in told] == [
        ("f1", "session.figures_old"),
        ("f2", "session.figures_old"),
    ]


async def test_a_counterparty_that_stays_away_is_told_of_when_it_is_no_restart(watch: Watch) -> None:
    house = watch.house
    show(house, session(house, "f1", ago=200))
    assert len(await watch.round()) == 1
    house.counterparty.reachable = False
    assert await watch.round() == []
    house.clock.advance(120)
    [told] = await watch.round()
    assert (told["payload"]["kind"], told["tenant"]) == ("counterparty.unreachable", "*")
    house.counterparty.reachable = True
    house.counterparty.answer("GET", "/sessions", 503, {})
    house.clock.advance(60)
    assert await watch.round() == []


async def test_a_restarted_process_goes_on_where_the_last_one_was(watch: Watch) -> None:
    house = watch.house
    show(house, session(house, "f1", ago=200))
    assert len(await watch.round()) == 1
    assert await Watch(house).round() == []


async def test_samples_wait_until_sql_is_awake_for_anothers_sake(watch: Watch) -> None:
    house = watch.house
    for _ in range(3):
        show(house, session(house, "f1"), session(house, "f2", balance=None, equity=None, currency=None))
        assert await watch.round() == []
        house.clock.advance(SAMPLE_EVERY.total_seconds())
    show(house, session(house, "f1", balance="1200"))
    watch.awake = True
    told = await watch.round()
    assert [each["messageType"] for each in told] == ["statistics.sample"] * 3
    samples = [sample for each in told for sample in each["payload"]["samples"]]
    assert [sample["account"] for sample in samples] == ["f1"] * 3
    assert samples[0] | {"at": ""} == {
        "account": "f1",
        "at": "",
        "balance": "1000.5",
        "equity": "990",
        "currency": "EUR",
    }
    house.clock.advance(SAMPLE_EVERY.total_seconds())
    show(house, session(house, "f1"))
    assert [each["payload"]["samples"][0]["balance"] for each in await watch.round()] == ["1200"]


async def test_samples_do_not_wait_for_ever(watch: Watch) -> None:
    house = watch.house
    show(house, session(house, "f1"))
    assert await watch.round() == []
    house.clock.advance(KEPT_AT_MOST.total_seconds())
    show(house, session(house, "f1"))
    assert [each["messageType"] for each in await watch.round()] == ["statistics.sample"]


async def test_an_old_figure_is_no_sample(watch: Watch) -> None:
    house = watch.house
    watch.awake = True
    show(house, session(house, "f1", balanceAt=rfc3339(house.clock.now() - timedelta(hours=1))))
    await watch.round()
    house.clock.advance(SAMPLE_EVERY.total_seconds())
    told = await watch.round()
    assert [each["messageType"] for each in told if each["messageType"] == "statistics.sample"] == []


async def sweep(house: Managed) -> list[tuple[str, str]]:
    """Whom a round has asked for a book, and why."""
    sweeping = ReconcileSweep(
        counterparty=house.world.counterparty,
        tokens=house.world.tokens,
        commands=house.world.queues.commands,
        memory=Memory(house.world.blobs, "reconcile_sweep", SweepNotes),
        clock=house.clock,
    )
    await sweeping.run()
    asked: list[tuple[str, str]] = []
    for each in await house.world.queues.commands.receive(1000):
        await house.world.queues.commands.complete(each)
        operation = parse_operation(each.message.body)
        assert operation.command_type is OperationType.RESYNC
        asked.append((operation.account or "", msgspec.json.decode(operation.parameters)["reason"]))
    return asked


async def test_the_sweep_asks_whose_book_is_old_or_whose_incident_stays(house: Managed) -> None:
    old = rfc3339(house.clock.now() - timedelta(minutes=30))
    young = rfc3339(house.clock.now() - timedelta(minutes=4))

    def incident(since: str) -> list[dict[str, str]]:
        return [{"incident": "i", "kind": "drift", "detail": "", "since": since}]

    show(
        house,
        session(house, "sound"),
        session(house, "old", snapshotAt=old),
        session(house, "never", snapshotAt=None, openedAt=old),
        session(house, "new", snapshotAt=None, openedAt=young),
        session(house, "pending", status="pending", snapshotAt=old),
        session(house, "silent", silent=True, snapshotAt=old),
        session(house, "trouble", incidents=incident(old)),
        session(house, "passing", incidents=incident(young)),
    )
    assert await sweep(house) == [
        ("old", "no_recent_snapshot"),
        ("never", "no_recent_snapshot"),
        ("trouble", "open_incident"),
    ]
    assert await sweep(house) == []
    house.clock.advance(3600)
    assert ("old", "no_recent_snapshot") in await sweep(house)


async def test_the_sweep_waits_while_nothing_can_be_seen(house: Managed) -> None:
    house.counterparty.reachable = False
    assert await sweep(house) == []
