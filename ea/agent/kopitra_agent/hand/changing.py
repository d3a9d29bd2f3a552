"""Changing a copy's stops, or the price and stops of its pending order. The command states the whole new state."""

from decimal import Decimal

from kopitra.domain.trading import AckStatus
from kopitra_agent.hand.cancelling import is_of
from kopitra_agent.hand.floor import SENDS, TERMINAL_BACK_SECONDS, TERMINAL_PAUSE_SECONDS, Floor, belongs
from kopitra_agent.hand.records import Outcome
from kopitra_agent.hand.retcodes import Verdict, reading_of
from kopitra_agent.hand.worklist import Work
from kopitra_agent.ports.terminal import PendingOrder, Position, TerminalUnavailable, TradeRequest

ROUNDS = 5
PATIENCE_SECONDS = 10.0
"""A terminal that blinks is waited for: what is deferred comes again only with the outbox's next repetition. What
waits behind the change meanwhile could not be done either."""


async def modify_copy(floor: Floor, work: Work) -> Outcome:
    """Make the stops what the command says. Repeating it is harmless, doing it after a later one is not."""
    copy = floor.memory.state.copies.get(work.order.magic)
    if copy is not None and work.sequence < copy.modified_at:
        return floor.outcome(work, AckStatus.SUPERSEDED, "later_modification_done")
    gives_up = floor.clock.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return await _modify(floor, work)
        except TerminalUnavailable:
            if floor.clock.monotonic() >= gives_up:
                return floor.deferred(work, "terminal_unavailable", TERMINAL_BACK_SECONDS)
        await floor.sleeper.sleep(TERMINAL_PAUSE_SECONDS)


async def _modify(floor: Floor, work: Work) -> Outcome:
    retries, refused, seen = 0, None, None
    for _ in range(ROUNDS):
        subject = await _subject(floor, work)
        if subject is None:
            await floor.require_synchronised()
            if await _subject(floor, work) is not None:
                continue
            return floor.outcome(work, AckStatus.ALREADY_CLOSED)
        request = _request(work, subject)
        if request is None:
            return floor.outcome(work, AckStatus.EXECUTED)
        if refused is not None and seen == subject:
            return floor.refused(work, *refused)
        seen = subject
        result = await floor.terminal.send(request)
        reading = reading_of(result.retcode)
        if reading.verdict in (Verdict.DONE, Verdict.UNCHANGED):
            return floor.executed(work, [result])
        if reading.verdict in (Verdict.AGAIN, Verdict.UNCERTAIN) and retries < SENDS - 1:
            await floor.pause(retries)
            retries += 1
        else:
            refused = (result, reading)
    return floor.deferred(work, "unfinished", TERMINAL_BACK_SECONDS)


async def _subject(floor: Floor, work: Work) -> Position | PendingOrder | None:
    """The copy's position or pending order; on a netting account the net position, whose stops the core has the copy
    set only where it is alone in it."""
    copy = floor.memory.state.copies.get(work.order.magic)
    position_id = copy.position_id if copy is not None else None
    if not floor.netting:
        for position in await floor.positions.fresh():
            if belongs(position, work, position_id):
                return position
    order = next((o for o in await floor.orders.fresh() if is_of(o, floor, work)), None)
    if order is not None or not floor.netting or copy is None or copy.volume <= 0:
        return order
    return next((p for p in await floor.positions.fresh() if p.symbol == work.order.symbol), None)


def _request(work: Work, subject: Position | PendingOrder) -> TradeRequest | None:
    """What to send; None where all is so already."""
    wanted = (work.order.stop_loss, work.order.take_profit)
    same_stops = (subject.stop_loss, subject.take_profit) == wanted
    if isinstance(subject, Position):
        return None if same_stops else _stops_request(work, subject)
    price = work.order.price or subject.price
    expires_at = work.order.order_expires_at or subject.expires_at
    if same_stops and (price, expires_at) == (subject.price, subject.expires_at):
        return None
    return TradeRequest(
        action="modify",
        symbol=subject.symbol,
        side=subject.side,
        order_type=subject.order_type,
        order=subject.ticket,
        price=Decimal(price),
        stop_loss=work.order.stop_loss,
        take_profit=work.order.take_profit,
        expires_at=expires_at,
        magic=work.order.magic,
    )


def _stops_request(work: Work, position: Position) -> TradeRequest:
    return TradeRequest(
        action="sltp",
        symbol=position.symbol,
        side=position.side,
        position=position.ticket,
        stop_loss=work.order.stop_loss,
        take_profit=work.order.take_profit,
        magic=work.order.magic,
    )
