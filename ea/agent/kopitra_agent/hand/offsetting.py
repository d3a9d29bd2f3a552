"""Taking a copy's volume off the one net position of its symbol, if that is what the core believes it to be.

A trade against a net position is not repeatable like the close of a position that is named: it is written down before
it is sent, and looked for by its own deals before anything is said of it.
"""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from kopitra.domain.orders import DealReason, OrderType, Side
from kopitra.domain.trading import AckStatus
from kopitra_agent.hand.cancelling import remove_resting
from kopitra_agent.hand.floor import SENDS, TERMINAL_BACK_SECONDS, TERMINAL_PAUSE_SECONDS, Floor
from kopitra_agent.hand.records import Intent, Outcome
from kopitra_agent.hand.resolving import LOOK_AGAIN_SECONDS
from kopitra_agent.hand.retcodes import Verdict, reading_of
from kopitra_agent.hand.state import NEVER_LIVED
from kopitra_agent.hand.worklist import Work
from kopitra_agent.ports.storage import StorageFailed
from kopitra_agent.ports.terminal import Deal, TerminalUnavailable, TradeRequest, TradeResult

NET_MISMATCH = "net_mismatch"
NEVER_MET = "never_met"
NET_BACK_SECONDS = 2.0
"""The snapshot that a mismatch asks for is on its way; the second one that settles it comes 6 s after the first."""
UNKNOWN_OPEN_SECONDS = 15.0
"""Two snapshots, six seconds apart, tell the core whether an open lived that we lost sight of; until then an offset of
it waits, however well the net fits: its owner's own trade may have made it fit. After it, the core knows better."""
ROUNDS = 8
"""Looks at the net for one offset, partial fills and requotes included; after that the core drives it again."""


class Attempt(msgspec.Struct):
    """How one run of an offset is going."""

    done: list[TradeResult] = []
    retries: int = 0

    @property
    def volume(self) -> Decimal:
        return sum((result.volume or Decimal(0) for result in self.done), Decimal(0))


async def offset_net(floor: Floor, work: Work) -> Outcome:
    """Trade `volume` on `side` against the net position; nothing where that is not as expected."""
    if work.intent is not None:
        return await _resolve(floor, work, work.intent, Attempt())
    attempt = Attempt()
    try:
        return await _offset(floor, work, attempt)
    except TerminalUnavailable:
        return _put_off(floor, work, attempt, "terminal_unavailable", TERMINAL_BACK_SECONDS)


async def _offset(floor: Floor, work: Work, attempt: Attempt) -> Outcome:
    if _never_opened(floor, work):
        return floor.outcome(work, AckStatus.ALREADY_CLOSED)
    if _is_unsettled(floor, work):
        return _mismatch(floor, work, attempt)
    if _may_rest(floor, work):
        removal = await remove_resting(floor, work)
        if isinstance(removal, Outcome):
            return removal
    if not work.order.volume:
        # The core knew of nothing filled: what could rest is gone, and a fill that it has not heard of yet is told.
        closed = floor.outcome(work, AckStatus.ALREADY_CLOSED)
        return floor.tombstone(closed, work.order.opens_command_id)
    if await _never_met(floor, work):
        return _nothing_here(floor, work, attempt)
    for _ in range(ROUNDS):
        if attempt.volume >= work.order.volume:
            return floor.executed(work, attempt.done)
        account = await floor.terminal.account()
        if not (account.connected and account.synchronised):
            raise TerminalUnavailable("not synchronised")
        if not _is_as_expected(floor, work, attempt, await net_volume(floor, work.order.symbol)):
            return _mismatch(floor, work, attempt)
        outcome = await _send(floor, work, attempt, account.ledger)
        if outcome is not None:
            return outcome
    return _put_off(floor, work, attempt, "unfinished", TERMINAL_BACK_SECONDS)


def _never_opened(floor: Floor, work: Work) -> bool:
    """Nothing of this copy was ever traded: its open was refused, or taken back by this very offset."""
    opened = _fruitless_open(floor, work)
    return opened is not None and opened.status in NEVER_LIVED


def _nothing_here(floor: Floor, work: Work, attempt: Attempt) -> Outcome:
    if work.order.target_volume:
        return _mismatch(floor, work, attempt)
    never = floor.outcome(work, AckStatus.ALREADY_CLOSED, NEVER_MET)
    return floor.tombstone(never, work.order.opens_command_id)


async def _never_met(floor: Floor, work: Work) -> bool:
    """Neither we nor the account's history know of any order of this copy: the net may fit all the same, where another
    copy that was never opened is on the other side. Raises TerminalUnavailable."""
    order, copy = work.order, floor.memory.state.copies.get(work.order.magic)
    if order.opens_command_id is None or not order.magic or copy is not None:
        return False
    if floor.memory.opened(order.opens_command_id):
        return False
    await floor.require_synchronised()
    if await floor.terminal.order_history(order.magic):
        return False
    traded = [deal for deal in await floor.terminal.deals(0) if deal.kind == "trade"]
    loses_numbers = any(deal.reason is DealReason.EXPERT and not deal.magic for deal in traded)
    return not loses_numbers and all(deal.magic != order.magic for deal in traded)


def _is_unsettled(floor: Floor, work: Work) -> bool:
    """Nobody knows yet whether this copy was ever opened."""
    opened = _fruitless_open(floor, work)
    if opened is None or opened.status is not AckStatus.UNKNOWN:
        return False
    return floor.clock.monotonic() - floor.doubted_since(opened.command_id) < UNKNOWN_OPEN_SECONDS


def _fruitless_open(floor: Floor, work: Work) -> Outcome | None:
    """What became of the copy's open, where no deal of the copy has been seen."""
    opens, copy = work.order.opens_command_id, floor.memory.state.copies.get(work.order.magic)
    if opens is None or (copy is not None and copy.volume > 0):
        return None
    return floor.memory.state.outcomes.get(opens)


def _may_rest(floor: Floor, work: Work) -> bool:
    """Whether the rest of a pending order that was filled in part may be left to take away."""
    copy = floor.memory.state.copies.get(work.order.magic)
    return copy is not None and copy.order_type is not OrderType.MARKET and not work.order.target_volume


async def net_volume(floor: Floor, symbol: str) -> Decimal:
    """Lots, long positive."""
    held = (p for p in await floor.positions.fresh() if p.symbol == symbol)
    return sum((signed(p.side, p.volume) for p in held), Decimal(0))


def _is_as_expected(floor: Floor, work: Work, attempt: Attempt, net: Decimal) -> bool:
    """The core counts on every command before this one; those still in hand have done nothing yet."""
    expected = work.order.expected_net_before
    if expected is None:
        return True
    done = signed(work.order.side, attempt.volume)
    return net == expected - floor.undone_before(work) + done


def _mismatch(floor: Floor, work: Work, attempt: Attempt) -> Outcome:
    outcome = _put_off(floor, work, attempt, NET_MISMATCH, NET_BACK_SECONDS)
    return floor.tombstone(outcome, work.order.opens_command_id)


async def _send(floor: Floor, work: Work, attempt: Attempt, ledger: int) -> Outcome | None:
    """What came of one attempt; None to look again: done so far, or refused at a stale price."""
    order = work.order
    try:
        intent = floor.memory.state.intents.get(order.command_id) or floor.intend(work, order.volume, ledger)
    except StorageFailed as error:
        floor.on_trouble("storage_failed", f"an offset was not sent: {error}")
        return _put_off(floor, work, attempt, "storage_failed", TERMINAL_BACK_SECONDS)
    left = order.volume - attempt.volume
    try:
        result = await floor.terminal.send(_request(work, left))
    except TerminalUnavailable:
        return await _resolve(floor, work, intent, attempt)
    reading = reading_of(result.retcode)
    match reading.verdict:
        case Verdict.DONE if result.deal_id is None:
            return await _resolve(floor, work, intent, attempt, told=result)
        case Verdict.DONE:
            attempt.done.append(_with_volume(result, left))
            return None
        case Verdict.UNCERTAIN:
            return await _resolve(floor, work, intent, attempt)
        case Verdict.AGAIN if attempt.retries < SENDS - 1:
            await floor.pause(attempt.retries)
            attempt.retries += 1
            return None
        case _ if attempt.done:
            return _put_off(floor, work, attempt, reading.reason, TERMINAL_BACK_SECONDS)
        case _:
            return floor.refused(work, result, reading)


def _request(work: Work, volume: Decimal) -> TradeRequest:
    """At any market price, as a close."""
    return TradeRequest(
        action="deal",
        symbol=work.order.symbol,
        side=work.order.side,
        volume=volume,
        magic=work.order.magic,
        comment=work.order.comment,
    )


def _with_volume(result: TradeResult, asked: Decimal) -> TradeResult:
    return result if result.volume else msgspec.structs.replace(result, volume=asked)


async def _resolve(
    floor: Floor, work: Work, intent: Intent, attempt: Attempt, told: TradeResult | None = None
) -> Outcome:
    """Look for the deals of this command for as long as a trade may be on its way. `told`: the broker says that it is
    done, and has not named its deal."""
    known = attempt.volume
    looking_since: float | None = None
    while True:
        try:
            deals = await _own_deals(floor, work, intent)
        except TerminalUnavailable:
            looking_since = None
            await floor.sleeper.sleep(TERMINAL_PAUSE_SECONDS)
            continue
        volume = sum((deal.volume for deal in deals or ()), Decimal(0))
        if deals and volume >= work.order.volume:
            return _found(floor.outcome(work, AckStatus.EXECUTED, "found"), deals)
        now = floor.clock.monotonic()
        looking_since = now if looking_since is None else looking_since
        if now - looking_since >= floor.settle_seconds:
            break
        await floor.sleeper.sleep(LOOK_AGAIN_SECONDS)
    if deals and volume > known:
        return _found(floor.deferred(work, "filled_in_part", NET_BACK_SECONDS), deals)
    if told is not None and deals is not None:
        return floor.executed(work, [*attempt.done, _with_volume(told, work.order.volume - known)])
    unknown = floor.outcome(work, AckStatus.UNKNOWN, "ambiguous" if deals is None else "not_found")
    return _with_deals(unknown, attempt.done)


async def _own_deals(floor: Floor, work: Work, intent: Intent) -> Sequence[Deal] | None:
    """Deals that can only be this command's: its magic number and side, nobody else's, above the ledger as it was then;
    where the broker dropped the number, the one deal of its size. None where several could be."""
    await floor.require_synchronised()
    order = work.order
    traded = [
        deal
        for deal in await floor.terminal.deals(intent.ledger)
        if deal.kind == "trade"
        and (deal.symbol, deal.side) == (order.symbol, order.side)
        and deal.reason in (None, DealReason.EXPERT)
        and floor.memory.owner_of(deal.deal_id) in (None, order.command_id)
    ]
    marked = [deal for deal in traded if deal.magic == order.magic] if order.magic else []
    if marked:
        return marked
    alike = [deal for deal in traded if not deal.magic and deal.volume == intent.volume]
    return alike if len(alike) < 2 else None


def _found(outcome: Outcome, deals: Sequence[Deal]) -> Outcome:
    last = deals[-1]
    return msgspec.structs.replace(
        outcome,
        order_ticket=last.order_ticket,
        deal_ids=[deal.deal_id for deal in deals],
        volume=sum((deal.volume for deal in deals), Decimal(0)),
        price=last.price,
    )


def _put_off(floor: Floor, work: Work, attempt: Attempt, reason: str, seconds: float) -> Outcome:
    """The core drives it again, from what is left by then; what was done is told."""
    return _with_deals(floor.deferred(work, reason, seconds), attempt.done)


def _with_deals(outcome: Outcome, done: Sequence[TradeResult]) -> Outcome:
    deals = [result.deal_id for result in done if result.deal_id is not None]
    return msgspec.structs.replace(outcome, deal_ids=deals)


def signed(side: Side, volume: Decimal) -> Decimal:
    return volume if side is Side.BUY else -volume
