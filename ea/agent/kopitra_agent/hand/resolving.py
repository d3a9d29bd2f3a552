"""Finding out whether an open happened whose answer never came: after a crash, a lost terminal, or a time-out."""

import msgspec

from kopitra.domain.trading import AckStatus
from kopitra_agent.hand.finding import Ambiguous, BrokerView, Trace, find_open
from kopitra_agent.hand.floor import TERMINAL_PAUSE_SECONDS, Floor
from kopitra_agent.hand.records import Intent, Outcome
from kopitra_agent.hand.worklist import Work
from kopitra_agent.ports.terminal import TerminalUnavailable

LOOK_AGAIN_SECONDS = 0.5


async def resolve_open(floor: Floor, work: Work, intent: Intent) -> Outcome:
    """Executed as soon as one trace is found; unknown only when a synchronised terminal has shown none, or several,
    for as long as a trade may be on its way. Only the core may issue an unknown open again."""
    looking_since: float | None = None
    while True:
        view = await _view(floor, intent)
        if view is None:
            looking_since = None
            await floor.sleeper.sleep(TERMINAL_PAUSE_SECONDS)
            continue
        found = find_open(intent, view, lambda trace: is_taken(floor, intent, trace))
        if isinstance(found, Trace):
            return _executed(floor, work, found)
        now = floor.clock.monotonic()
        looking_since = now if looking_since is None else looking_since
        if now - looking_since >= floor.settle_seconds:
            reason = "ambiguous" if isinstance(found, Ambiguous) else "not_found"
            return floor.outcome(work, AckStatus.UNKNOWN, reason)
        await floor.sleeper.sleep(LOOK_AGAIN_SECONDS)


async def _view(floor: Floor, intent: Intent) -> BrokerView | None:
    """What the terminal shows, or None while it may be incomplete: absence would prove nothing."""
    terminal = floor.terminal
    try:
        account = await terminal.account()
        if not (account.connected and account.synchronised):
            return None
        return BrokerView(
            deals=await terminal.deals(intent.ledger),
            orders=await floor.orders.fresh(),
            history=await terminal.order_history(intent.order.magic),
            positions=await floor.positions.fresh(),
            netting=floor.netting,
        )
    except TerminalUnavailable:
        return None


def is_taken(floor: Floor, intent: Intent, trace: Trace) -> bool:
    """Whether another command is known to have made this trade."""
    for deal_id in trace.deal_ids:
        owner = floor.memory.owner_of(deal_id)
        if owner is not None and owner != intent.command_id:
            return True
    return any(
        copy.opened_by != intent.command_id
        and (
            (trace.position_id is not None and copy.position_id == trace.position_id)
            or (trace.order_ticket is not None and copy.order_ticket == trace.order_ticket)
        )
        for copy in floor.memory.state.copies.values()
    )


def _executed(floor: Floor, work: Work, trace: Trace) -> Outcome:
    return msgspec.structs.replace(
        floor.outcome(work, AckStatus.EXECUTED, "found"),
        order_ticket=trace.order_ticket,
        position_id=trace.position_id,
        position_ticket=trace.position_ticket,
        deal_ids=list(trace.deal_ids),
        volume=trace.volume,
        price=trace.price,
    )
