"""Leaders that follow others: which of their own copies are copied on, how often a trade was copied, how old it is.

Who may copy whom is settled when it is published (`copy_graph`); here a signal is only matched with the copy that it
tells of. A trade of this account's own copies is an echo unless a group says that copies are copied on.
"""

from datetime import timedelta
from enum import Enum

import msgspec

from kopitra.domain.limits import MAX_CHAIN_DEPTH
from kopitra.domain.trading import Signal
from kopitra.machine.decisions.identity import is_own_magic
from kopitra.machine.evolutions.leading import OPENING
from kopitra.machine.outcome import Context
from kopitra.machine.state import Account, Copy, LeaderPosition, State

OVER = "the trade that it copies is over"


class Own(Enum):
    """What a signal is if no copy is copied on by it."""

    TRADE = "trade"
    ECHO = "echo"


class Relayed(msgspec.Struct, frozen=True):
    """An open that is a copy itself. `depth`: how often the trade was copied; `age_ms`: since the first leader's part
    of it was received. `over`: the trade that it copies has ended by now."""

    depth: int
    age_ms: int
    over: bool = False


def source_of(
    state: State, account: Account, signal: Signal, position: LeaderPosition | None, context: Context
) -> Relayed | Own:
    """Where a signal comes from: the leader's own trade, an echo of a copy, or a copy that is copied on."""
    if not is_copied(account, signal):
        return Own.TRADE
    if position is None:
        return _source(state, account, signal, context)
    announced = position.adopted and signal.action in OPENING
    source = _source(state, account, signal, context) if announced else Own.TRADE
    return Own.TRADE if source is Own.ECHO else source  # what is known already goes on as it began


def _source(state: State, account: Account, signal: Signal, context: Context) -> Relayed | Own:
    if not relays(state, account):
        return Own.ECHO
    if signal.action not in OPENING:
        return Own.TRADE
    copy = copy_with(account, signal.magic)
    return _relayed(state, copy, signal, context) if copy is not None else Own.ECHO


def is_copied(account: Account, signal: Signal) -> bool:
    """Whether the signal's magic number is one of this account's own copies."""
    return bool(signal.magic) and is_own_magic(signal.magic or 0, account.following)


def copy_with(account: Account, magic: int | None) -> Copy | None:
    copy_id = account.following.by_magic.get(magic or 0)
    return account.following.copies.get(copy_id) if copy_id is not None else None


def depth_of(state: State, account: Account, magic: int | None) -> int:
    """How often a trade that this account holds was copied before; 0 for its own."""
    copy = copy_with(account, magic)
    if copy is None:
        return 0
    parent = _parent_of(state, copy)
    return parent.depth + 1 if parent is not None else 1


def relays(state: State, account: Account) -> bool:
    """Whether any group copies on what this leader copies from others."""
    subscriptions = (state.subscriptions[s] for s in state.by_leader.get(account.account, ()))
    return any(state.groups[s.group].copies_of_copies for s in subscriptions)


def growth_of(
    state: State, account: Account, position: LeaderPosition, signal: Signal, context: Context
) -> Relayed | None:
    """What a leader adds to a position that is a copy itself (a further fill of it) is as old as what it copies; None
    where the position is the leader's own, or nobody knows any more of what it is a copy."""
    copy = copy_with(account, position.magic) if position.depth else None
    if copy is None:
        return None
    parent = _parent_of(state, copy)
    if parent is None:
        return Relayed(position.depth, signal.age_ms, over=True)
    return Relayed(position.depth, max(signal.age_ms, _age_ms(state, parent, copy, context)))


def _relayed(state: State, copy: Copy, signal: Signal, context: Context) -> Relayed | Own:
    parent = _parent_of(state, copy)
    if parent is None:
        return Relayed(depth=1, age_ms=signal.age_ms, over=True)
    if parent.depth + 2 > MAX_CHAIN_DEPTH:
        return Own.ECHO
    age_ms = max(signal.age_ms, _age_ms(state, parent, copy, context))
    return Relayed(depth=parent.depth + 1, age_ms=age_ms)


def _parent_of(state: State, copy: Copy) -> LeaderPosition | None:
    leader = state.accounts.get(copy.leader)
    return leader.leading.positions.get(copy.position_ref) if leader is not None else None


def _age_ms(state: State, parent: LeaderPosition, copy: Copy, context: Context) -> int:
    """Since the part of the trade that this copies was made: a pending order's when it was filled, not when placed; of
    what was added to a copy, since that was made which it copies in its turn."""
    leg = parent.legs.get(copy.leg)
    at = leg.at if leg is not None else parent.opened_at
    known_ms = leg.age_ms if leg is not None else parent.age_ms
    age_ms = known_ms + (context.now - at) // timedelta(milliseconds=1)
    if at == parent.opened_at:
        return age_ms
    upper = copy_with(state.accounts[copy.leader], parent.magic) if parent.depth else None
    grandparent = _parent_of(state, upper) if upper is not None else None
    if upper is None or grandparent is None:
        return age_ms
    return max(age_ms, _age_ms(state, grandparent, upper, context))
