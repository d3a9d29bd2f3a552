"""When the book is told, what a snapshot says of it, and when it is told a second time."""

from kopitra.domain.telemetry import PositionSnapshot
from kopitra.domain.trading import AckStatus
from kopitra.protocol.events import InboxType
from kopitra.protocol.limits import MAX_BODY_BYTES
from kopitra.simulation.virtual_time import VirtualTime
from kopitra_agent.telemetry.positions import BookView
from kopitra_agent.telemetry.snapshots import MOST_REPEATS, Snapshots
from tests.unit.agent.broker import Script, limit_order
from tests.unit.agent.scene import Scene, magic_of, order, play, settled, times_of

SNAPSHOT = InboxType.POSITION_SNAPSHOT


def test_two_thousand_positions_and_orders_go_in_one_set_of_parts():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        for _ in range(2000):
            scene.broker.open(comment="K1" + "A" * 29)
        for _ in range(50):
            scene.broker.place(limit_order(scene.broker))
        async with scene.running():
            await settled(scene)
        told: list[PositionSnapshot] = scene.server.said(SNAPSHOT)
        first = [s for s in told if s.snapshot_id == told[0].snapshot_id]
        assert [s.part for s in first] == list(range(1, first[0].parts + 1))
        assert sum(len(s.positions) for s in first) == 2000
        assert sum(len(s.orders) for s in first) == 50
        assert max(len(r.body or b"") for r in scene.server.posts("/inbox")) < MAX_BODY_BYTES

    play(main)


def test_half_a_set_is_never_continued():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        for _ in range(2000):
            scene.broker.open(comment="K1" + "A" * 29)
        async with scene.running():
            await scene.until(lambda: scene.server.said(SNAPSHOT))
            scene.server.fail("/inbox", "lost_request")
            await world.sleep(20)
        told: list[PositionSnapshot] = scene.server.said(SNAPSHOT)
        sets: dict[str, list[int]] = {}
        for snapshot in told:
            sets.setdefault(snapshot.snapshot_id, []).append(snapshot.part)
        whole = list(range(1, told[0].parts + 1))
        assert all(parts == whole[: len(parts)] for parts in sets.values())
        assert whole in sets.values()

    play(main)


def test_a_changed_book_is_told_and_confirmed_by_a_second_snapshot_more_than_five_seconds_later():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            await settled(scene)
            scene.broker.open()
            before = len(times_of(scene, SNAPSHOT))
            await world.sleep(90)
        first, second, *more = times_of(scene, SNAPSHOT)[before:]
        assert second - first > 5
        assert more == []

    play(main)


def test_a_book_that_stays_the_same_is_told_every_five_minutes():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            await world.sleep(60)
            at_first = len(scene.server.said(SNAPSHOT))
            await world.sleep(240)
            assert len(scene.server.said(SNAPSHOT)) <= at_first + 1
            await world.sleep(1200)
            assert at_first + 4 <= len(scene.server.said(SNAPSHOT)) <= at_first + 6

    play(main)


def test_an_open_of_unknown_fate_is_followed_by_two_snapshots_though_the_book_is_as_before():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        scene.broker.scripts.append(Script(retcode=10012))
        async with scene.running():
            await settled(scene)
            before = len(times_of(scene, SNAPSHOT))
            item = scene.server.command(order(1))
            await world.sleep(90)
        assert scene.server.status_of(item) is AckStatus.UNKNOWN
        first, second = times_of(scene, SNAPSHOT)[before:]
        assert second - first > 5

    play(main)


def test_an_open_of_unknown_fate_is_confirmed_in_time_in_a_busy_book():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        scene.broker.scripts.append(Script(retcode=10012))
        async with scene.running():
            await settled(scene)
            item = scene.server.command(order(1))
            await scene.until(lambda: item.retired)
            doubted_at = world.monotonic()
            await world.sleep(2)
            scene.broker.open()
            scene.server.post("resync.requested", {})
            for _ in range(20):
                await world.sleep(1)
                scene.broker.open()
        assert scene.server.status_of(item) is AckStatus.UNKNOWN
        first, between, *later = [at for at in times_of(scene, SNAPSHOT) if at >= doubted_at - 0.5]
        assert between - first < 5
        assert any(5 < at - first < 10 for at in later)

    play(main)


def test_a_change_told_shortly_before_a_confirmation_is_confirmed_too():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            await settled(scene)
            before = len(times_of(scene, SNAPSHOT))
            for _ in range(2):
                scene.broker.open()
                scene.server.post("resync.requested", {})
                await world.sleep(4)
            await world.sleep(90)
        first, second, *confirmations = times_of(scene, SNAPSHOT)[before:]
        assert second - first < 5
        assert any(at - second > 5 for at in confirmations)
        assert confirmations[-1] - first < 15

    play(main)


def test_a_book_that_changes_all_the_time_is_not_told_all_the_time():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            await settled(scene)
            before = len(times_of(scene, SNAPSHOT))
            for _ in range(300):
                scene.broker.open()
                await world.sleep(1)
        assert 9 <= len(times_of(scene, SNAPSHOT)[before:]) <= 18

    play(main)


def test_a_doubt_shortly_before_a_confirmation_has_one_of_its_own():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world, settle_seconds=5.0)
        scene.broker.scripts.append(Script(retcode=10012))
        async with scene.running():
            await settled(scene)
            item = scene.server.command(order(1))
            await world.sleep(3)
            scene.broker.open()
            scene.server.post("resync.requested", {})
            changed_at = world.monotonic()
            await scene.until(lambda: item.retired)
            doubted_at = world.monotonic()
            for _ in range(20):
                await world.sleep(1)
                scene.broker.open()
        assert scene.server.status_of(item) is AckStatus.UNKNOWN
        assert doubted_at - changed_at < 5
        first, *later = [at for at in times_of(scene, SNAPSHOT) if at >= doubted_at - 0.5]
        assert any(5 < at - first < 10 for at in later)

    play(main)


def test_a_doubt_is_told_until_a_snapshot_speaks_of_it_and_no_longer():
    async def main(world: VirtualTime) -> None:
        through, told = 0, list[float]()

        async def view() -> BookView:
            return BookView(account=account, positions=(), orders=(), applied_through=through)

        scene = Scene(world)
        account = await scene.terminal.account()
        snapshots = Snapshots(view, world, world)

        async def watch(seconds: float) -> list[float]:
            told.clear()
            ends = world.monotonic() + seconds
            while world.monotonic() < ends:
                await world.sleep(min(snapshots.due_in(), ends - world.monotonic()))
                parcel = await snapshots.parcel()
                if parcel is not None:
                    told.append(world.monotonic())
                    parcel.done(True)
            return told

        await watch(20)
        snapshots.doubt(through=7)
        assert len(await watch(20)) == 4
        through = 7
        assert len(await watch(20)) == 2
        assert len(await watch(200)) == 0
        snapshots.doubt(through=99)
        assert len(await watch(200)) == MOST_REPEATS + 1

    play(main)


def test_a_snapshot_says_what_it_contains_and_what_is_being_executed():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            done = scene.server.command(order(1))
            await scene.until(lambda: done.retired)
            scene.broker.scripts.append(Script(seconds=5.0))
            hanging = scene.server.command(order(2))
            await scene.until(lambda: scene.terminal.busy)
            before = len(scene.server.said(SNAPSHOT))
            scene.server.post("resync.requested", {})
            await scene.until(lambda: len(scene.server.said(SNAPSHOT)) > before)
            snapshot: PositionSnapshot = scene.server.said(SNAPSHOT)[-1]
            await scene.until(lambda: hanging.retired)
            scene.server.post("resync.requested", {})
            before = len(scene.server.said(SNAPSHOT))
            await scene.until(lambda: len(scene.server.said(SNAPSHOT)) > before)
            last: PositionSnapshot = scene.server.said(SNAPSHOT)[-1]
        assert (snapshot.applied_through, list(snapshot.executing)) == (1, ["o-2"])
        assert [p.magic for p in snapshot.positions] == [magic_of(1)]
        assert last.applied_through >= 2
        assert list(last.executing) == []
        assert [p.magic for p in last.positions] == [magic_of(1), magic_of(2)]

    play(main)


def test_a_book_that_is_not_synchronised_is_never_told_as_if_it_were():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        scene.broker.open()
        async with scene.running():
            await settled(scene)
            hidden, scene.broker.positions = scene.broker.positions, {}
            scene.broker.synchronised = False
            await world.sleep(60)
            scene.broker.positions, scene.broker.synchronised = hidden, True
            await world.sleep(60)
        for snapshot in scene.server.said(SNAPSHOT):
            assert snapshot.synchronised == bool(snapshot.positions)

    play(main)
