"""What a copy whose pending order still rests does once its leader's is filled: wait, give way, or enter at market."""

from datetime import datetime, timedelta

import msgspec

from kopitra.domain.rules import PendingPolicy
from kopitra.domain.skips import SkipReason
from kopitra.domain.trading import Signal
from kopitra.machine.decisions.handed_out import unsent
from kopitra.machine.decisions.permission import may_open
from kopitra.machine.events import Outcome
from kopitra.machine.outcome import Context
from kopitra.machine.state import Copy, CopyStatus, State, Subscription

WAITS = "waits_for_own_fill"
GIVES_WAY = "leader_filled_first"
REPLACED = "replaced_at_market"
RESTING = frozenset({CopyStatus.PLANNED, CopyStatus.PENDING})


class OnFill(msgspec.Struct, frozen=True):
    """`cancels`: the resting order is to be taken away; `withdraws`: it never left, and that is all. `replace_until`:
    till then an order at market may take its place: once the cancel is done, or at once where the order never left
    (`decisions.replacing`)."""

    outcome: Outcome
    reason: str
    cancels: bool = False
    withdraws: bool = False
    replace_until: datetime | None = None


WAITING = OnFill(Outcome.UNCHANGED, WAITS)
FILLED_ON_PAPER = OnFill(Outcome.SANDBOX, SkipReason.SANDBOX)


def on_leaders_fill(state: State, copy: Copy, signal: Signal, context: Context) -> OnFill:
    """By the subscription's `pending_policy`. Should a cancel come too late, the order's own fill is the copy."""
    if copy.closing or copy.filled or copy.status not in RESTING:
        return WAITING
    if copy.sandbox:
        return FILLED_ON_PAPER
    subscription = state.subscriptions[copy.subscription]
    match subscription.rules.pending_policy:
        case PendingPolicy.WAIT:
            return WAITING
        case PendingPolicy.MARKET:
            until = _fresh_until(state, copy, subscription, signal, context)
            if until is None:
                return WAITING
            if unsent(state, copy, context):
                return OnFill(Outcome.SUPERSEDED, REPLACED, withdraws=True, replace_until=until)
            return OnFill(Outcome.PLANNED, REPLACED, cancels=True, replace_until=until)
        case PendingPolicy.CANCEL:
            if not unsent(state, copy, context):
                return OnFill(Outcome.PLANNED, GIVES_WAY, cancels=True)
            return OnFill(Outcome.SUPERSEDED, GIVES_WAY, withdraws=True)


def _fresh_until(
    state: State, copy: Copy, subscription: Subscription, signal: Signal, context: Context
) -> datetime | None:
    """How long an order at market would still be the leader's trade; None where it must not be opened at all."""
    age = timedelta(milliseconds=signal.age_ms)
    until = context.now + timedelta(seconds=subscription.rules.open_ttl_seconds) - age
    if until <= context.now or not may_open(state, copy.leader, subscription, context):
        return None
    return until
