"""What is told of account and terminal, when, and in pieces of which size."""

import asyncio
from decimal import Decimal
from itertools import pairwise

import msgspec

from kopitra.domain.orders import Side
from kopitra.domain.quotes import Quote
from kopitra.domain.telemetry import AccountSnapshot, SymbolCatalog
from kopitra.domain.trading import AckStatus, OrderAction
from kopitra.protocol.events import InboxType
from kopitra.protocol.limits import MAX_BODY_BYTES
from kopitra.simulation.virtual_time import VirtualTime
from kopitra_agent.settings import Role
from tests.unit.agent.broker import symbol
from tests.unit.agent.scene import Scene, order, play, settled, times_of

SNAPSHOT = InboxType.POSITION_SNAPSHOT


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


def test_a_balance_that_moved_is_confirmed_once_though_nothing_else_changes():
    async def main(world: VirtualTime) -> None:
        for role in Role:
            scene = Scene(world, role)
            async with scene.running():
                await settled(scene)
                scene.server.told.clear()
                scene.broker.deposit("250")
                await world.sleep(30)
            told = [a.balance for a in scene.server.said(InboxType.ACCOUNT_SNAPSHOT)]
            assert 2 <= len(told) <= 3, "with the deal, perhaps before it, and six seconds later"
            assert set(told) == {Decimal(10_250)}

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


def test_no_figures_are_told_of_a_terminal_that_has_not_everything():
    """A withdrawal shows in the balance before the deal that explains it is there."""

    async def main(world: VirtualTime) -> None:
        scene = Scene(world)
        async with scene.running():
            await settled(scene)
            scene.broker.synchronised = False
            scene.broker.balance -= Decimal(5_000)
            told = len(scene.server.said(InboxType.ACCOUNT_SNAPSHOT))
            await world.sleep(120)
            assert len(scene.server.said(InboxType.ACCOUNT_SNAPSHOT)) == told
            scene.broker.synchronised = True
            await world.sleep(3)
        assert scene.server.said(InboxType.ACCOUNT_SNAPSHOT)[-1].balance == Decimal(5_000)

    play(main)
