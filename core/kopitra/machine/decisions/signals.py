"""What becomes of a leader's trade intent: planned for every follower, or a duplicate, deferred, or ignored."""

from enum import StrEnum

from kopitra.domain.identifiers import PositionRef, RunId
from kopitra.domain.quantities import ZERO
from kopitra.domain.skips import SkipReason
from kopitra.domain.trading import Signal, SignalAction
from kopitra.machine.commands import TakeSignal
from kopitra.machine.decisions.chains import OVER, Own, Relayed, source_of
from kopitra.machine.decisions.growing import decide_later
from kopitra.machine.decisions.identity import STATE_SETTING, run_of
from kopitra.machine.decisions.opening import LEADER_DISABLED, Opening
from kopitra.machine.events import AnyEvent, CopyDecision, CopyPlanned, Outcome, SignalDeferred, SignalIgnored
from kopitra.machine.evolutions.leading import ENDING, OPENING, position_of
from kopitra.machine.outcome import Context, Decision, Result
from kopitra.machine.state import Account, LeaderBook, LeaderPosition, State


class Standing(StrEnum):
    """How an intent relates to what is known of its position."""

    NEW = "new"
    LATER = "later"
    DUPLICATE = "duplicate"
    STALE = "stale"
    UNKNOWN = "unknown"
    ECHO = "echo"


CHANGES_STREAM = frozenset({Standing.UNKNOWN, Standing.ECHO, Standing.STALE})
"""What is not planned, but changes what is known of the leader: a signal on paper must not even do that."""


def take_signal(state: State, command: TakeSignal, context: Context) -> Result:
    account = state.accounts[command.account]
    signal = command.signal
    run = run_of(state, command.account, signal)
    position = position_of(account.leading, signal)
    source = source_of(state, account, signal, position, context)
    found = Standing.ECHO if source is Own.ECHO else standing(account, signal, position, run)
    if command.sandbox and found in CHANGES_STREAM:
        return _on_paper(command, run)
    match found:
        case Standing.DUPLICATE:
            return Decision(
                (), _answer("duplicate", run, (), _known_sequence(account.leading, signal, position))
            )
        case Standing.UNKNOWN:
            event: AnyEvent = SignalDeferred(account=command.account, run=run, signal=signal)
            return Decision((event,), _answer("deferred", run, ()))
        case Standing.ECHO:
            event = SignalIgnored(account=command.account, run=run, signal=signal, reason="echo")
            return Decision((event,), _answer("accepted", run, ()))
        case Standing.STALE:
            event = SignalIgnored(account=command.account, run=run, signal=signal, reason="stale")
            return Decision((event,), _answer("accepted", run, ()))
        case _:
            relayed = source if isinstance(source, Relayed) else None
            return _plan(state, command, account, position, run, context, relayed)


def _on_paper(command: TakeSignal, run: RunId) -> Decision:
    """Recorded, and that is all."""
    event = CopyPlanned(
        account=command.account,
        run=run,
        signal=command.signal,
        age_ms=command.signal.age_ms,
        decisions=(),
        sandbox=True,
    )
    return Decision((event,), _answer("accepted", run, ()))


def _plan(
    state: State,
    command: TakeSignal,
    account: Account,
    position: LeaderPosition | None,
    run: RunId,
    context: Context,
    relayed: Relayed | None,
) -> Decision:
    signal = command.signal
    if signal.action in OPENING:
        decisions = plan_opening(state, account, signal, run, context, relayed)
    else:
        assert position is not None
        decisions = decide_later(state, account, position, signal, run, context)
    event = CopyPlanned(
        account=command.account,
        run=run,
        signal=signal,
        age_ms=relayed.age_ms if relayed is not None else signal.age_ms,
        decisions=decisions,
        sandbox=command.sandbox,
        gap_after=_gap(account.leading, signal),
        depth=relayed.depth if relayed is not None else 0,
    )
    return Decision((event,), _answer("accepted", run, decisions))


def plan_opening(
    state: State,
    account: Account,
    signal: Signal,
    run: RunId,
    context: Context,
    relayed: Relayed | None = None,
) -> tuple[CopyDecision, ...]:
    opening = Opening(state, account, signal, run, context)
    if not account.enabled:
        return opening.skip_all(SkipReason.UNSUBSCRIBED, LEADER_DISABLED)
    if relayed is not None:
        opening.age_ms = relayed.age_ms
        if relayed.over:
            return opening.skip_all(SkipReason.CLOSED_BEFORE_OPEN, OVER)
    if signal.position_ref in account.leading.tombstones:
        return opening.skip_all(SkipReason.CLOSED_BEFORE_OPEN, "its close arrived before its open")
    known = account.leading.positions.get(signal.position_ref)
    if known is not None:
        copies = (*state.copies_of(known), *state.papers_of(known))
        opening.taken = frozenset(copy.subscription for copy in copies)
    return opening.decide_all()


def standing(account: Account, signal: Signal, position: LeaderPosition | None, run: RunId) -> Standing:
    """One intent against one book; the rules are those of protocol.md, "Signals and executions"."""
    book = account.leading
    if signal.deal_id is not None and str(signal.deal_id) in book.deals:
        return Standing.DUPLICATE
    if _is_finished(book, signal):
        return Standing.DUPLICATE
    if signal.action in OPENING:
        return Standing.NEW if position is None or _awaits(position, signal) else Standing.DUPLICATE
    if position is None:
        return Standing.UNKNOWN
    return _later(position, signal, run)


def _awaits(position: LeaderPosition, signal: Signal) -> bool:
    """Whether a snapshot knew of the trade before this signal of its beginning, and nothing has become of it since."""
    leg = position.legs.get(0)
    whole = leg is not None and len(position.legs) == 1 and leg.left == leg.opened
    return position.adopted and whole and position.pending is (signal.action is SignalAction.PENDING_PLACED)


def _later(position: LeaderPosition, signal: Signal, run: RunId) -> Standing:
    if signal.signal_id == position.last_signal or run in position.runs:
        return Standing.DUPLICATE
    in_order = signal.stream_id != position.stream_id or signal.ordinal > position.ordinal
    if not in_order and any(position.legs) and signal.action not in ENDING:
        return Standing.STALE  # the volume has gone up and down since: it tells nothing of what came first
    match signal.action:
        case _ if signal.action in STATE_SETTING:
            return Standing.LATER if in_order else Standing.STALE
        case SignalAction.PARTIAL_CLOSE | SignalAction.CLOSE_BY if signal.volume_after > ZERO:
            if signal.volume_after == position.volume:
                return Standing.DUPLICATE
            return Standing.LATER if signal.volume_after < position.volume else Standing.STALE
        case SignalAction.PENDING_FILLED:
            return Standing.LATER if position.pending else Standing.DUPLICATE
        case SignalAction.INCREASE:
            return Standing.LATER if signal.volume_after > position.volume else Standing.STALE
        case SignalAction.REVERSE if (signal.side, signal.volume_after) == (position.side, position.volume):
            return Standing.DUPLICATE
        case SignalAction.REVERSE:
            return Standing.LATER if in_order else Standing.STALE
        case _:
            return Standing.LATER


def _is_finished(book: LeaderBook, signal: Signal) -> bool:
    return signal.position_ref in book.finished or (signal.order_ref or PositionRef("")) in book.finished


def _gap(book: LeaderBook, signal: Signal) -> int | None:
    same = signal.stream_id == book.stream_id
    return book.ordinal if same and signal.ordinal > book.ordinal + 1 else None


def _known_sequence(book: LeaderBook, signal: Signal, position: LeaderPosition | None) -> int:
    return position.sequence if position is not None else book.finished.get(signal.position_ref, 0)


def _answer(
    status: str, run: RunId, decisions: tuple[CopyDecision, ...], sequence: int | None = None
) -> dict[str, object]:
    """The sequence of an answer is that of its event, or of what was known already."""
    planned = sum(1 for d in decisions if d.outcome in (Outcome.PLANNED, Outcome.SUPERSEDED))
    answer: dict[str, object] = {
        "status": status,
        "run_id": run,
        "planned": planned,
        "skipped": len(decisions) - planned,
    }
    if sequence is not None:
        answer["sequence"] = sequence
    return answer
