"""kill -9 at random moments under load: no acknowledged deal is lost, none is doubled, the book is explained."""

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from random import Random

from kopitra.domain.orders import DealEntry, Side
from kopitra.simulation.broker.profiles import MT4
from kopitra.simulation.broker.records import Deal, DealKind
from kopitra_agent.ports.terminal import TerminalUnavailable, TradeRequest, TradeResult
from kopitra_terminal.client import VirtualTerminal
from tests.integration.terminal.stage import Stage, account, staged
from tests.unit.broker.house import D

KILLS = 6
TRADERS = 12


@dataclass
class Heard:
    """What the traders were told; magic numbers are used once each, one for every attempt to open."""

    results: list[tuple[int, TradeResult]] = field(default_factory=list[tuple[int, TradeResult]])
    unknown: int = 0
    magic: int = 0

    def next_magic(self) -> int:
        self.magic += 1
        return self.magic


async def _trade(terminal: VirtualTerminal, heard: Heard, stop: asyncio.Event) -> None:
    """Open and close in turn, as fast as answers come; after a lost answer go on with something new."""
    while not stop.is_set():
        magic = heard.next_magic()
        request = TradeRequest(action="deal", symbol="EURUSD", side=Side.BUY, volume=D("0.3"), magic=magic)
        try:
            opened = await terminal.send(request)
            heard.results.append((magic, opened))
            for volume in (D("0.1"), None):
                ticket = opened.position_ticket if volume else opened.remainder_ticket
                close = TradeRequest(action="deal", symbol="EURUSD", position=ticket, volume=volume)
                opened = await terminal.send(close)
                heard.results.append((magic, opened))
        except TerminalUnavailable:
            heard.unknown += 1
            await asyncio.sleep(0.01)


async def _killed_again_and_again(stage: Stage, random: Random) -> list[int]:
    ledgers: list[int] = []
    for _ in range(KILLS):
        await asyncio.sleep(random.uniform(0.02, 0.25))
        await stage.process.kill()
        await stage.process.start()
        ledgers.append((await stage.control().account()).ledger)
    return ledgers


async def test_kill_9_loses_no_acknowledged_deal_and_doubles_none(tmp_path: Path) -> None:
    heard, stop = Heard(), asyncio.Event()
    async with staged(tmp_path, account(profile=MT4)) as stage:
        traders = [asyncio.create_task(_trade(stage.terminal(), heard, stop)) for _ in range(TRADERS)]
        ledgers = await _killed_again_and_again(stage, Random(7))
        await asyncio.sleep(0.05)
        stop.set()
        await asyncio.gather(*traders)
        state = await stage.control().state()
        deals = state.deals
    assert heard.unknown >= KILLS
    assert ledgers == sorted(ledgers)
    _assert_every_acknowledged_deal_is_there_once(heard, deals)
    _assert_no_attempt_opened_twice(deals)
    _assert_book(deals, {p.position_id: p.volume for p in state.positions.values()})


def _assert_every_acknowledged_deal_is_there_once(heard: Heard, deals: list[Deal]) -> None:
    assert len(heard.results) > 100
    by_id = {deal.deal_id: deal for deal in deals}
    assert len(by_id) == len(deals)
    assert [deal.ordinal for deal in deals] == list(range(1, len(deals) + 1))
    for magic, result in heard.results:
        deal = by_id[result.deal_id or 0]
        assert (deal.magic, deal.volume, deal.price) == (magic, result.volume, result.price)
    told = Counter(result.deal_id for _, result in heard.results)
    assert max(told.values()) == 1


def _assert_no_attempt_opened_twice(deals: list[Deal]) -> None:
    opened = Counter(deal.magic for deal in deals if deal.entry is DealEntry.IN)
    assert max(opened.values()) == 1


def _assert_book(deals: list[Deal], book: dict[int, Decimal]) -> None:
    held: defaultdict[int, Decimal] = defaultdict(Decimal)
    for deal in deals:
        if deal.kind is DealKind.TRADE:
            held[deal.position_id] += deal.volume if deal.entry is DealEntry.IN else -deal.volume
    assert {position: volume for position, volume in held.items() if volume} == book
