"""Taking a pending order away; one that was filled meanwhile is told, so that the core closes what came of it."""

from enum import StrEnum

from kopitra.domain.orders import OrderType
from kopitra.domain.trading import AckStatus
from kopitra_agent.hand.floor import SENDS, TERMINAL_BACK_SECONDS, Floor, belongs
from kopitra_agent.hand.records import Outcome
from kopitra_agent.hand.retcodes import Verdict, reading_of
from kopitra_agent.hand.worklist import Work
from kopitra_agent.ports.terminal import PendingOrder, TerminalUnavailable, TradeRequest

ALREADY_FILLED = "already_filled"
ROUNDS = 6


class Removal(StrEnum):
    REMOVED = "removed"
    NOTHING = "nothing"


async def cancel_copy(floor: Floor, work: Work) -> Outcome:
    try:
        return await _cancel(floor, work)
    except TerminalUnavailable:
        return floor.deferred(work, "terminal_unavailable", TERMINAL_BACK_SECONDS)


async def _cancel(floor: Floor, work: Work) -> Outcome:
    removal = await remove_resting(floor, work)
    if isinstance(removal, Outcome):
        return removal
    copy = floor.memory.state.copies.get(work.order.magic)
    position_id = copy.position_id if copy is not None else None
    if await _is_filled(floor, work, position_id):
        return floor.outcome(work, AckStatus.FAILED, ALREADY_FILLED)
    if removal is Removal.REMOVED:
        return floor.outcome(work, AckStatus.EXECUTED)
    await floor.require_synchronised()
    if any(is_of(o, floor, work) for o in await floor.orders.fresh()):
        return floor.deferred(work, "unsynchronised", TERMINAL_BACK_SECONDS)
    return floor.tombstone(floor.outcome(work, AckStatus.ALREADY_CLOSED), work.order.opens_command_id)


async def _is_filled(floor: Floor, work: Work, position_id: int | None) -> bool:
    """By its position; in a net position nothing shows whose volume it is, so by its order's end."""
    if not floor.netting:
        return any(belongs(p, work, position_id) for p in await floor.positions.fresh())
    return any(order.state == "filled" for order in await floor.terminal.order_history(work.order.magic))


async def remove_resting(floor: Floor, work: Work) -> Removal | Outcome:
    """Take away every pending order of the copy; an outcome where the broker would not."""
    removed, retries, refused = Removal.NOTHING, 0, None
    for _ in range(ROUNDS):
        resting = [o for o in await floor.orders.fresh() if is_of(o, floor, work)]
        if not resting:
            return removed
        if refused is not None:
            return floor.refused(work, *refused)
        order = resting[0]
        result = await floor.terminal.send(
            TradeRequest(
                action="remove",
                symbol=order.symbol,
                order_type=order.order_type,
                order=order.ticket,
                magic=order.magic,
            )
        )
        reading = reading_of(result.retcode)
        if reading.verdict is Verdict.DONE:
            removed = Removal.REMOVED
        elif reading.verdict in (Verdict.AGAIN, Verdict.UNCERTAIN) and retries < SENDS - 1:
            await floor.pause(retries)
            retries += 1
        elif reading.verdict is not Verdict.GONE:
            refused = (result, reading)  # believed if the order is still there
    return floor.deferred(work, "unfinished", TERMINAL_BACK_SECONDS)


def is_of(order: PendingOrder, floor: Floor, work: Work) -> bool:
    """Whether a pending order is the command's: by magic number, else by the ticket it got or the core names."""
    if work.order.magic and order.magic == work.order.magic:
        return True
    copy = floor.memory.state.copies.get(work.order.magic)
    if copy is not None and copy.order_type is not OrderType.MARKET and copy.order_ticket == order.ticket:
        return True
    return not work.order.magic and work.order.ticket == order.ticket
