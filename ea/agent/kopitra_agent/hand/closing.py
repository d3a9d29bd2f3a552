"""Closing a copy, whole or down to a target volume. Measured against the live position, so a repeat is harmless."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from kopitra.domain.orders import DealEntry, DealReason, OrderType
from kopitra.domain.trading import AckStatus, OrderAction
from kopitra_agent.hand.cancelling import Removal, remove_resting
from kopitra_agent.hand.floor import SENDS, TERMINAL_BACK_SECONDS, Floor, belongs
from kopitra_agent.hand.records import Intent, Outcome
from kopitra_agent.hand.retcodes import Verdict, reading_of
from kopitra_agent.hand.worklist import Work
from kopitra_agent.ports.terminal import Position, TerminalUnavailable, TradeRequest, TradeResult

ROUNDS = 8
"""Looks at the book for one close, partial fills and requotes included; after that the core drives it again."""


class Attempt(msgspec.Struct):
    """How one run of a close is going."""

    done: list[TradeResult] = []
    refusal: TradeResult | None = None
    retries: int = 0
    doubtful: bool = False
    """A trade of this command may have happened without our having its answer."""
    removed: bool = False


async def close_copy(floor: Floor, work: Work) -> Outcome:
    """Bring the copy's live volume down to its target (0 for a close) and take its resting order away. On a netting
    account there is no position of the copy's own: the core drives it again as an offset."""
    if floor.netting and work.order.copy_id is not None:
        return floor.deferred(work, "netting_account", TERMINAL_BACK_SECONDS)
    attempt = Attempt(doubtful=work.intent is not None)
    try:
        if attempt.doubtful:
            await _let_settle(floor, work)
        return await _close(floor, work, attempt)
    except TerminalUnavailable:
        wait = max(TERMINAL_BACK_SECONDS, floor.settle_seconds)
        return floor.deferred(work, "terminal_unavailable", wait)


async def _let_settle(floor: Floor, work: Work) -> None:
    """A partial close of unknown fate may still be on its way, and a second one could close too much. A whole close
    needs no such care: it names its position, which closes only once."""
    wait = floor.settle_seconds if work.order.action is OrderAction.PARTIAL_CLOSE else 0.0
    began = floor.clock.monotonic()
    while True:
        account = await floor.terminal.account()
        if account.synchronised and floor.clock.monotonic() - began >= wait:
            return
        await floor.pause(0)


async def _close(floor: Floor, work: Work, attempt: Attempt) -> Outcome:
    seen: Sequence[Position] | None = None
    for _ in range(ROUNDS):
        live = await _live(floor, work)
        if attempt.refusal is not None and live == seen:
            return _refused(floor, work, attempt.refusal)
        if not attempt.removed and may_rest(floor, work):
            removal = await remove_resting(floor, work)
            if isinstance(removal, Outcome):
                return removal
            attempt.removed = removal is Removal.REMOVED
            live = await _live(floor, work)
        excess = sum((p.volume for p in live), Decimal(0)) - target_of(work)
        if excess <= 0:
            return await _finished(floor, work, attempt, live)
        seen = live
        await _reduce(floor, work, attempt, live[-1], min(excess, live[-1].volume))
    return floor.deferred(work, "unfinished", TERMINAL_BACK_SECONDS)


async def _live(floor: Floor, work: Work) -> list[Position]:
    copy = floor.memory.state.copies.get(work.order.magic)
    position_id = copy.position_id if copy is not None else None
    return [p for p in await floor.positions.fresh() if belongs(p, work, position_id)]


def may_rest(floor: Floor, work: Work) -> bool:
    """Whether a pending order of this copy may be left to take away."""
    if work.order.action is not OrderAction.CLOSE:
        return False
    copy = floor.memory.state.copies.get(work.order.magic)
    return copy is None or copy.order_type is not OrderType.MARKET


def target_of(work: Work) -> Decimal:
    """Lots that must remain."""
    if work.order.action is not OrderAction.PARTIAL_CLOSE:
        return Decimal(0)
    return work.order.target_volume or Decimal(0)


async def _reduce(floor: Floor, work: Work, attempt: Attempt, position: Position, volume: Decimal) -> None:
    if work.order.command_id not in floor.memory.state.intents:
        floor.intend_reduction(work, volume)
    result = await floor.terminal.send(_request(work, position, volume))
    reading = reading_of(result.retcode)
    attempt.refusal = None
    match reading.verdict:
        case Verdict.DONE:
            attempt.done.append(result)
        case Verdict.AGAIN if attempt.retries < SENDS - 1:
            await floor.pause(attempt.retries)
            attempt.retries += 1
        case Verdict.UNCERTAIN:
            attempt.doubtful = True
            await floor.pause(0)
            await _let_settle(floor, work)
        case _:
            attempt.refusal = result  # believed if the book still looks the same


def _request(work: Work, position: Position, volume: Decimal) -> TradeRequest:
    """At any market price: a close has no limits. A whole close names no volume, so that nothing stays."""
    return TradeRequest(
        action="deal",
        symbol=position.symbol,
        side=position.side.opposite,
        volume=volume if target_of(work) else None,
        magic=work.order.magic,
        comment=work.order.comment,
        position=position.ticket,
    )


def _refused(floor: Floor, work: Work, result: TradeResult) -> Outcome:
    reading = reading_of(result.retcode)
    if reading.verdict in (Verdict.AGAIN, Verdict.GONE, Verdict.UNCHANGED):
        return floor.deferred(work, reading.reason, TERMINAL_BACK_SECONDS, result.retcode)
    return floor.refused(work, result, reading)


async def _finished(floor: Floor, work: Work, attempt: Attempt, live: Sequence[Position]) -> Outcome:
    """Nothing is left to close: by us, or by somebody before us."""
    if attempt.done:
        return floor.executed(work, attempt.done)
    if attempt.doubtful and (deals := await _own_deals(floor, work)):
        found = floor.outcome(work, AckStatus.EXECUTED, "found")
        return msgspec.structs.replace(found, deal_ids=deals)
    if live or attempt.removed:
        return floor.outcome(work, AckStatus.EXECUTED)
    await floor.require_synchronised()
    if await _live(floor, work):
        return floor.deferred(work, "unsynchronised", TERMINAL_BACK_SECONDS)
    return floor.tombstone(floor.outcome(work, AckStatus.ALREADY_CLOSED), work.order.opens_command_id)


async def _own_deals(floor: Floor, work: Work) -> list[int]:
    """Deals that this command made without our having had the answer."""
    intent: Intent | None = floor.memory.state.intents.get(work.order.command_id, work.intent)
    if intent is None:
        return []
    copy = floor.memory.state.copies.get(work.order.magic)
    position_id = copy.position_id if copy is not None else work.order.position_id
    return [
        deal.deal_id
        for deal in await floor.terminal.deals(intent.ledger)
        if deal.entry is not DealEntry.IN
        and deal.reason in (None, DealReason.EXPERT)
        and (deal.magic == work.order.magic or deal.position_id == position_id)
        and floor.memory.owner_of(deal.deal_id) in (None, work.order.command_id)
    ]
