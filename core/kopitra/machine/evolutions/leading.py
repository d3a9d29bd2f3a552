"""How a leader's book follows its own signals."""

from kopitra.domain.identifiers import PositionRef
from kopitra.domain.trading import Signal, SignalAction
from kopitra.machine.events import CopyPlanned, Recorded, SignalDeferred, SignalIgnored
from kopitra.machine.state import LeaderBook, LeaderPosition, State

OPENING = frozenset({SignalAction.OPEN, SignalAction.PENDING_PLACED})
REDUCING = frozenset({SignalAction.PARTIAL_CLOSE, SignalAction.CLOSE_BY})
ENDING = frozenset({SignalAction.CLOSE, SignalAction.PENDING_CANCELLED})


def ends_position(signal: Signal) -> bool:
    return signal.action in ENDING or (signal.action is SignalAction.CLOSE_BY and not signal.volume_after)


def advance_stream(book: LeaderBook, signal: Signal) -> None:
    """The stream's last ordinal; a late signal of the same stream does not turn it back."""
    if signal.stream_id != book.stream_id:
        book.stream_id, book.ordinal = signal.stream_id, signal.ordinal
    elif signal.ordinal > book.ordinal:
        book.ordinal = signal.ordinal


def follow(state: State, event: CopyPlanned, recorded: Recorded) -> LeaderPosition | None:
    """Apply a planned signal to its leader's book; None where a tombstone kept the position from ever living."""
    book = state.accounts[event.account].leading
    signal = event.signal
    if not event.healed:
        advance_stream(book, signal)
    if event.gap_after is not None:
        book.gaps += 1
    if signal.deal_id is not None:
        book.deals.add(str(signal.deal_id))
    ref = book.aliases.get(signal.position_ref, signal.position_ref)
    if signal.action in OPENING:
        position = _begin(book, event, recorded)
    else:
        position = book.positions[signal.order_ref or ref]
        _change(book, position, signal)
    if position is None:
        return None
    position.sequence = recorded.last
    position.runs.add(event.run)
    position.last_signal = signal.signal_id
    if not event.healed:
        position.stream_id, position.ordinal = signal.stream_id, signal.ordinal
    _forget_suspicion(book, position)
    return position


def _begin(book: LeaderBook, event: CopyPlanned, recorded: Recorded) -> LeaderPosition | None:
    signal = event.signal
    if signal.position_ref in book.tombstones:
        book.tombstones.discard(signal.position_ref)
        book.finished[signal.position_ref] = recorded.last
        return None
    position = LeaderPosition(
        position_ref=signal.position_ref,
        symbol=signal.symbol,
        side=signal.side,
        order_type=signal.order_type,
        opened=signal.volume,
        volume=signal.volume,
        run=event.run,
        opened_at=recorded.at,
        pending=signal.action is SignalAction.PENDING_PLACED,
        price=signal.price,
        stop_loss=signal.stop_loss,
        take_profit=signal.take_profit,
        adopted=event.healed,
        depth=event.depth,
        age_ms=event.age_ms,
    )
    book.positions[signal.position_ref] = position
    book.extra.pop(signal.position_ref, None)
    return position


def _change(book: LeaderBook, position: LeaderPosition, signal: Signal) -> None:
    match signal.action:
        case SignalAction.MODIFY:
            position.stop_loss, position.take_profit = signal.stop_loss, signal.take_profit
        case SignalAction.PENDING_MODIFIED:
            position.price = signal.price
            position.stop_loss, position.take_profit = signal.stop_loss, signal.take_profit
        case SignalAction.PENDING_FILLED:
            position.pending = False
            position.volume = signal.volume
            if signal.position_ref != position.position_ref:
                book.aliases[signal.position_ref] = position.position_ref
        case SignalAction.INCREASE:
            position.opened += signal.volume
            position.volume = signal.volume_after
        case SignalAction.REVERSE:
            position.side = signal.side
            position.opened = position.volume = signal.volume_after
        case _:
            position.volume = signal.volume_after


def finish(book: LeaderBook, position: LeaderPosition, sequence: int) -> None:
    """The leader's position has ended; its refs never plan again."""
    book.positions.pop(position.position_ref, None)
    book.finished[position.position_ref] = sequence
    for alias in [a for a, ref in book.aliases.items() if ref == position.position_ref]:
        del book.aliases[alias]
        book.finished[alias] = sequence


def _forget_suspicion(book: LeaderBook, position: LeaderPosition) -> None:
    if book.missing:
        ref = position.position_ref
        for key in [k for k in book.missing if k == ref or k.startswith(ref + "|")]:
            del book.missing[key]


def deferred(state: State, event: SignalDeferred, recorded: Recorded) -> None:
    book = state.accounts[event.account].leading
    advance_stream(book, event.signal)
    if ends_position(event.signal):
        book.tombstones.add(PositionRef(event.signal.position_ref))


def ignored(state: State, event: SignalIgnored, recorded: Recorded) -> None:
    advance_stream(state.accounts[event.account].leading, event.signal)
