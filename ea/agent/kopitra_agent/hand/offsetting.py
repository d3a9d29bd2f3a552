"""Changing the one net position of a symbol on a netting account, if it is what the core believes it to be."""

from decimal import Decimal

from kopitra.domain.orders import Side
from kopitra.domain.trading import AckStatus
from kopitra_agent.hand.floor import SENDS, TERMINAL_BACK_SECONDS, Floor
from kopitra_agent.hand.records import Outcome
from kopitra_agent.hand.resolving import resolve_open
from kopitra_agent.hand.retcodes import Verdict, reading_of
from kopitra_agent.hand.worklist import Work
from kopitra_agent.ports.storage import StorageFailed
from kopitra_agent.ports.terminal import TerminalUnavailable, TradeRequest


async def offset_net(floor: Floor, work: Work) -> Outcome:
    """Trade `volume` on `side`. Not repeatable, so it is written down and looked for like an open."""
    if work.intent is not None:
        return await resolve_open(floor, work, work.intent)
    for attempt in range(SENDS):
        try:
            net = await net_volume(floor, work.order.symbol)
        except TerminalUnavailable:
            return floor.deferred(work, "terminal_unavailable", TERMINAL_BACK_SECONDS)
        expected = work.order.expected_net_before
        if expected is not None and net != expected:
            return floor.deferred(work, "net_mismatch", TERMINAL_BACK_SECONDS)
        outcome = await _send(floor, work, last=attempt == SENDS - 1)
        if outcome is not None:
            return outcome
        await floor.pause(attempt)
    raise AssertionError("the last attempt returns")


async def net_volume(floor: Floor, symbol: str) -> Decimal:
    """Lots, long positive."""
    return sum(
        (
            p.volume if p.side is Side.BUY else -p.volume
            for p in await floor.positions.fresh()
            if p.symbol == symbol
        ),
        Decimal(0),
    )


async def _send(floor: Floor, work: Work, *, last: bool) -> Outcome | None:
    """What came of one attempt; None to try again at a fresh price."""
    order = work.order
    intent = floor.memory.state.intents.get(order.command_id)
    try:
        intent = intent or floor.intend(work, order.volume)
    except StorageFailed as error:
        floor.on_trouble("storage_failed", f"an offset was not sent: {error}")
        return floor.outcome(work, AckStatus.REJECTED, "storage_failed")
    request = TradeRequest(
        action="deal",
        symbol=order.symbol,
        side=order.side,
        volume=order.volume,
        magic=order.magic,
        comment=order.comment,
    )
    try:
        result = await floor.terminal.send(request)
    except TerminalUnavailable:
        return await resolve_open(floor, work, intent)
    reading = reading_of(result.retcode)
    match reading.verdict:
        case Verdict.DONE:
            return floor.executed(work, [result])
        case Verdict.UNCERTAIN:
            return await resolve_open(floor, work, intent)
        case Verdict.AGAIN if not last:
            return None
        case _:
            return floor.refused(work, result, reading)
