"""Requests to MetaTrader 5 and its silences: fillings, prices, lost connections, other logins, changes."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from kopitra.domain.orders import OrderType, Side
from kopitra.simulation.broker.operations import Balance
from kopitra.simulation.broker.records import DealKind
from kopitra_agent.adapters.mt5 import PackageMissing, metatrader5_package
from kopitra_agent.adapters.mt5_records import number, server_seconds, utc
from kopitra_agent.adapters.mt5_session import Mt5Settings
from kopitra_agent.ports.terminal import TerminalUnavailable, TradeRequest
from tests.unit.broker.house import MONDAY, D
from tests.unit.terminal.mt5_scene import ATHENS, BUY, LIMIT, Scene


async def test_the_filling_mode_is_the_symbols_and_a_refused_one_is_followed_by_the_next() -> None:
    scene = Scene()
    await scene.terminal.send(BUY)
    assert scene.api.sent[-1]["type_filling"] == 0
    scene.api.refused_fillings = {0}
    assert (await scene.terminal.send(BUY)).retcode == 10009
    assert [fields["type_filling"] for fields in scene.api.sent] == [0, 0, 1]
    scene.api.refused_fillings = {0, 1, 2}
    assert (await scene.terminal.send(BUY)).retcode == 10030
    assert len(await scene.terminal.positions()) == 2


@pytest.mark.parametrize(
    ("flags", "exemode", "request_", "first"),
    [(2, 2, BUY, 1), (1, 2, BUY, 0), (0, 2, BUY, 2), (0, 3, BUY, 2), (3, 2, LIMIT, 2)],
)
async def test_the_first_filling_tried_follows_the_symbols_flags(
    flags: int, exemode: int, request_: TradeRequest, first: int
) -> None:
    scene = Scene()
    scene.api.filling_mode, scene.api.exemode = flags, exemode
    await scene.terminal.send(request_)
    assert scene.api.sent[0]["type_filling"] == first


async def test_price_and_deviation_become_points_and_without_them_any_price_will_do() -> None:
    scene = Scene()
    await scene.terminal.send(BUY)
    assert (scene.api.sent[-1]["price"], scene.api.sent[-1]["deviation"]) == (1.1001, 1_000_000)
    tight = msgspec.structs.replace(BUY, price=D("1.1"), deviation=D("0.00003"))
    assert (await scene.terminal.send(tight)).retcode == 10004
    assert scene.api.sent[-1]["deviation"] == 3


async def test_what_cannot_be_said_in_metatraders_words_is_invalid_and_not_sent() -> None:
    scene = Scene()
    for wrong in (
        TradeRequest(action="deal", symbol="EURUSD"),
        TradeRequest(action="deal", symbol="NOTHING", side=Side.BUY, volume=D(1)),
        TradeRequest(action="pending", symbol="EURUSD", side=Side.BUY, volume=D(1), price=D(1)),
        TradeRequest(
            action="pending", symbol="EURUSD", side=Side.BUY, volume=D(1), order_type=OrderType.LIMIT
        ),
        TradeRequest(
            action="pending", symbol="EURUSD", side=Side.BUY, price=D(1), order_type=OrderType.LIMIT
        ),
    ):
        assert (await scene.terminal.send(wrong)).retcode == 10013
    assert scene.api.sent == []


async def test_without_quotes_or_connection_nothing_is_sent() -> None:
    scene = Scene()
    gbp = TradeRequest(action="deal", symbol="EURGBP", side=Side.BUY, volume=D(1))
    assert (await scene.terminal.send(gbp)).retcode == 10021
    assert await scene.terminal.quotes(["EURGBP", "NOTHING"]) == []
    scene.api.connected = False
    assert (await scene.terminal.send(BUY)).retcode == 10031
    assert scene.api.sent == []


@pytest.mark.parametrize(("error", "retcode"), [((-2, "Invalid"), 10013), ((-8, "Disabled"), 10027)])
async def test_an_answer_of_none_that_proves_nothing_was_sent_is_a_refusal(
    error: tuple[int, str], retcode: int
) -> None:
    scene = Scene()
    scene.api.unanswered = error
    assert (await scene.terminal.send(BUY)).retcode == retcode


async def test_any_other_none_leaves_the_trade_unknown_and_it_is_found_in_the_ledger_later() -> None:
    scene = Scene()
    scene.api.unanswered, scene.api.executes_unanswered = (-10001, "IPC send failed"), True
    with pytest.raises(TerminalUnavailable, match="-10001"):
        await scene.terminal.send(BUY)
    scene.api.unanswered = None
    assert [deal.magic for deal in await scene.terminal.deals(0)] == [0, 7]
    assert len(scene.api.initialised) == 2


async def test_a_terminal_that_is_gone_is_unavailable_and_reached_again_when_it_is_back() -> None:
    scene = Scene()
    await scene.terminal.account()
    scene.api.down = True
    for call in (scene.terminal.account, scene.terminal.positions, scene.terminal.symbols):
        with pytest.raises(TerminalUnavailable, match="No IPC"):
            await call()
    scene.api.down = False
    assert (await scene.terminal.account()).login == 77


async def test_a_terminal_of_another_account_is_not_ours() -> None:
    scene = Scene()
    await scene.terminal.send(BUY)
    scene.api.login = 5
    with pytest.raises(TerminalUnavailable, match="logged in to 5"):
        await scene.terminal.positions()
    with pytest.raises(TerminalUnavailable):
        await scene.terminal.send(BUY)
    assert len(scene.api.sent) == 1


async def test_a_login_is_passed_on_where_a_password_is_given() -> None:
    scene = Scene(password="secret", server="Broker-Live", path="C:/terminal64.exe")
    await scene.terminal.account()
    assert scene.api.initialised == [
        (("C:/terminal64.exe",), {"login": 77, "password": "secret", "server": "Broker-Live"})
    ]
    plain = Scene()
    await plain.terminal.account()
    assert plain.api.initialised == [((), {})]


async def test_synchronised_is_a_book_that_stood_still_since_the_connection() -> None:
    scene = Scene()

    async def synchronised_after(seconds: float) -> bool:
        scene.pass_time(seconds)
        return (await scene.terminal.account()).synchronised

    assert not await synchronised_after(0)
    assert not await synchronised_after(2)
    scene.house.buy("0.1")
    assert not await synchronised_after(2)
    assert await synchronised_after(3)
    scene.house.buy("0.1")
    assert await synchronised_after(0)
    scene.api.connected = False
    assert not await synchronised_after(1)
    scene.api.connected = True
    assert not await synchronised_after(0)
    assert await synchronised_after(3)


async def test_a_change_ends_the_wait_and_quiet_lasts_its_full_time() -> None:
    scene = Scene(settle_seconds=0)
    await scene.terminal.changed(60)
    assert scene.world.monotonic() == 0.0
    await scene.terminal.changed(2)
    assert scene.world.monotonic() == pytest.approx(2)
    for act in (
        lambda: scene.house.buy("0.1"),
        lambda: scene.house.send("sltp", position=scene.house.position.ticket, stop_loss="1.05"),
        lambda: scene.house.place(Side.BUY, OrderType.LIMIT, "1.09"),
        lambda: scene.broker.apply(Balance(at=MONDAY, kind=DealKind.DEPOSIT, amount=D(1))),
    ):
        before = scene.world.monotonic()
        act()
        await scene.terminal.changed(60)
        assert scene.world.monotonic() == before


async def test_a_fresh_deal_that_the_history_lacks_leaves_the_position_unnamed() -> None:
    scene = Scene()
    scene.api.history_lags = True
    result = await scene.terminal.send(BUY)
    assert (result.retcode, result.position_id, result.order_ticket) == (10009, None, 1000001)


async def test_calls_run_in_one_thread_one_after_the_other() -> None:
    scene = Scene()
    results = await asyncio.gather(*(scene.terminal.send(BUY) for _ in range(5)))
    assert len({result.deal_id for result in results}) == 5
    await scene.adapter.close()
    assert scene.api.down


@pytest.mark.parametrize(
    ("double", "decimal"),
    [
        (0.1 + 0.2, "0.3"),
        (100000.0, "100000"),
        (1.10010, "1.1001"),
        (1e-05, "0.00001"),
        (0.0, "0"),
        (-0.0, "0"),
    ],
)
def test_doubles_become_the_decimal_that_was_meant(double: float, decimal: str) -> None:
    assert f"{number(double):f}" == decimal


@pytest.mark.parametrize("month", [1, 7])
def test_the_servers_clock_is_followed_through_summer_time(month: int) -> None:
    zone = ZoneInfo(ATHENS)
    at = datetime(2026, month, 5, 12, 30, tzinfo=UTC)
    wall = server_seconds(at, zone)
    assert wall - int(at.timestamp()) == (2 if month == 1 else 3) * 3600
    assert utc(wall * 1000, zone) == at


def test_without_the_package_the_error_says_where_it_exists() -> None:
    with pytest.raises(PackageMissing, match="Windows"):
        metatrader5_package()


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"login": 0}, "login"), ({"server_zone": "Europe/Nowhere"}, "server_zone: Europe/Nowhere")],
)
def test_impossible_settings_are_refused_by_name(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        msgspec.structs.replace(Mt5Settings(login=77), **settings)
