"""What is told of account and terminal, when, and in pieces of which size."""

import asyncio
from decimal import Decimal
from itertools import pairwise

import msgspec

from kopitra.domain.orders import Side
from kopitra.domain.quotes import Quote
from kopitra.domain.telemetry import AccountSnapshot, PositionSnapshot, SymbolCatalog
from kopitra.domain.trading import AckStatus, OrderAction
from kopitra.protocol.events import InboxType
from kopitra.protocol.limits import MAX_BODY_BYTES
from kopitra.simulation.virtual_time import VirtualTime
from kopitra_agent.settings import Role
from tests.unit.agent.broker import Script, limit_order, symbol
from tests.unit.agent.scene import Scene, magic_of, order, play

SNAPSHOT = InboxType.POSITION_SNAPSHOT


async def settled(scene: Scene) -> None:
    await scene.until(lambda: scene.server.said(SNAPSHOT))
    await scene.world.sleep(20)


def times_of(scene: Scene, kind: InboxType) -> list[float]:
    needle = f'"{kind}"'.encode()
    return [at for at, r in scene.server.calls if r.body is not None and needle in r.body]


def test_a_start_tells_account_automation_quotes_heartbeat_catalogue_and_book():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            await settled(scene)
        told = {kind for kind, _ in scene.server.told}
        assert told == {
            "ea.account_snapshot",
            "ea.autotrade_status",
            "ea.quotes",
            "ea.heartbeat",
            "ea.symbol_catalog",
            "ea.position_snapshot",
        }
        [account, *_] = scene.server.said(InboxType.ACCOUNT_SNAPSHOT)
        assert (account.login, account.server, account.balance) == (7, "Demo-1", Decimal(10_000))

    play(main)


def test_an_idle_account_is_told_about_once_a_minute():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            await world.sleep(600)
        for kind, least, most in (
            (InboxType.ACCOUNT_SNAPSHOT, 10, 12),
            (InboxType.HEARTBEAT, 5, 6),
            (InboxType.QUOTES, 20, 26),
            (InboxType.SYMBOL_CATALOG, 1, 1),
            (InboxType.AUTOTRADE_STATUS, 1, 1),
            (SNAPSHOT, 3, 4),
        ):
            assert least <= len(scene.server.said(kind)) <= most, kind

    play(main)


def test_figures_that_change_all_the_time_are_told_once_a_second():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)

        async def market() -> None:
            for step in range(600):
                scene.broker.quotes["EURUSD"] = Quote("EURUSD", Decimal(1) + Decimal(step), Decimal(2))
                scene.broker.balance += 1
                await world.sleep(0.05)

        async with scene.running():
            await market()
        for kind in (InboxType.QUOTES, InboxType.ACCOUNT_SNAPSHOT):
            times = times_of(scene, kind)
            assert 25 <= len(times) <= 31
            assert min(b - a for a, b in pairwise(times)) > 0.9

    play(main)


def test_the_account_is_told_together_with_the_deal_that_changed_it():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            for number, action in ((1, OrderAction.OPEN), (2, OrderAction.CLOSE)):
                item = scene.server.command(order(number, action, copy=1))
                await scene.until(lambda i=item: i.retired)
        last = [kind for kind in scene.server.batches if "OutboxAck" in kind][-1]
        assert last[-1] == "ea.account_snapshot"
        balances = [a.balance for a in scene.server.said(InboxType.ACCOUNT_SNAPSHOT)]
        assert balances[-1] == Decimal(10_001)

    play(main)


def test_a_deposit_is_told_once_even_over_a_restart():
    async def main(world: VirtualTime) -> None:
        for role in Role:
            scene = Scene(world, role)
            async with scene.running():
                await settled(scene)
                scene.broker.deposit("250")
                await scene.until(lambda s=scene: s.server.balances)
            async with scene.running():
                await settled(scene)
            operations = scene.server.said(InboxType.BALANCE_OPERATION)
            assert [(o.kind, o.amount, o.currency) for o in operations] == [("deposit", Decimal(250), "USD")]

    play(main)


def test_three_thousand_symbols_go_in_parts_that_the_wire_takes():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        scene.broker.symbols = [symbol(f"SYM{n:04d}.with-a-long-suffix") for n in range(3000)]
        async with scene.running():
            await scene.until(lambda: scene.server.said(SNAPSHOT))
        parts: list[SymbolCatalog] = scene.server.said(InboxType.SYMBOL_CATALOG)
        assert [p.part for p in parts] == list(range(1, parts[0].parts + 1))
        assert len({p.catalog_id for p in parts}) == 1
        assert [s.symbol for p in parts for s in p.symbols] == [s.symbol for s in scene.broker.symbols]
        assert len(parts) > 1
        assert max(len(r.body or b"") for r in scene.server.posts("/inbox")) < MAX_BODY_BYTES

    play(main)


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


def test_a_resync_tells_everything_again_and_is_acknowledged():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            await settled(scene)
            scene.server.told.clear()
            item = scene.server.post("resync.requested", {})
            await scene.until(lambda: scene.server.said(SNAPSHOT))
        told = {kind for kind, _ in scene.server.told}
        assert told >= {"ea.account_snapshot", "ea.quotes", "ea.symbol_catalog", "ea.position_snapshot"}
        assert scene.server.status_of(item) is AckStatus.EXECUTED

    play(main)


def test_after_a_break_of_the_line_what_the_counterparty_keeps_in_memory_is_told_again():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            await settled(scene)
            scene.server.down = True
            await world.sleep(5)
            scene.server.told.clear()
            scene.server.down = False
            await scene.until(lambda: scene.server.said(SNAPSHOT), seconds=10)
        assert {"ea.account_snapshot", "ea.quotes"} <= {kind for kind, _ in scene.server.told}

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


def test_automation_switched_off_is_told_with_its_reason():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            await settled(scene)
            scene.broker.trade_allowed = False
            await world.sleep(3)
            scene.broker.trade_allowed = True
            await world.sleep(3)
        statuses = scene.server.said(InboxType.AUTOTRADE_STATUS)
        assert [(s.enabled, s.reason) for s in statuses] == [
            (True, None),
            (False, "autotrading_off"),
            (True, None),
        ]

    play(main)


def test_a_large_catalogue_is_quoted_only_where_it_is_mapped_or_in_use():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        scene.broker.symbols = [symbol(f"S{n:05d}") for n in range(60)]
        scene.broker.quotes |= {
            s.symbol: Quote(s.symbol, Decimal(1), Decimal(2)) for s in scene.broker.symbols
        }
        async with scene.running():
            await settled(scene)
            assert scene.server.said(InboxType.QUOTES)[1:] == []
            item = scene.server.command(order(1))
            await scene.until(lambda: item.retired)
            await world.sleep(3)
        assert [q.symbol for q in scene.server.said(InboxType.QUOTES)[-1].quotes] == ["EURUSD"]
        chosen = Scene(world, quote_symbols=("S00007", "S00009"))
        chosen.broker.quotes = scene.broker.quotes
        async with chosen.running():
            await settled(chosen)
        assert [q.symbol for q in chosen.server.said(InboxType.QUOTES)[0].quotes] == ["S00007", "S00009"]

    play(main)


def test_a_terminal_switched_to_another_account_ends_the_agent():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        task = asyncio.ensure_future(scene.agent().run(asyncio.Event()))
        await scene.until(lambda: scene.server.said(SNAPSHOT))
        scene.broker.login = 8
        await scene.until(task.done, seconds=30)
        assert task.exception() is not None
        assert {s.login for s in scene.server.said(SNAPSHOT)} == {7}

    play(main)


def test_what_is_told_of_an_account_is_what_its_terminal_says():
    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        scene.broker.open(Side.SELL, "0.30", magic=3, stop_loss=Decimal("1.2"), comment="K1x")
        async with scene.running():
            await settled(scene)
        [held] = scene.server.said(SNAPSHOT)[0].positions
        [position] = scene.broker.positions.values()
        assert (held.ticket, held.side, held.volume, held.magic) == (
            position.ticket,
            Side.SELL,
            Decimal("0.30"),
            3,
        )
        assert (held.stop_loss, held.comment, held.price) == (Decimal("1.2"), "K1x", position.open_price)
        account: AccountSnapshot = scene.server.said(InboxType.ACCOUNT_SNAPSHOT)[0]
        assert msgspec.structs.asdict(account)["free_margin"] == Decimal(10_000)

    play(main)
