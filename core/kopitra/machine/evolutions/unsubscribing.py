"""How copies leave: withdrawn, being closed, or left to the follower."""

from collections import Counter

from kopitra.domain.identifiers import AccountId
from kopitra.domain.orders import MarginMode
from kopitra.machine.events import CopiesUnsubscribed, Recorded
from kopitra.machine.evolutions.control import recall
from kopitra.machine.evolutions.copies import drop_held_back, end, send, withdraw
from kopitra.machine.evolutions.netting import add_manual
from kopitra.machine.leaving import leaving_key
from kopitra.machine.state import CopyStatus, Released, State

UNSUBSCRIBED = "unsubscribed"


def copies_unsubscribed(state: State, event: CopiesUnsubscribed, recorded: Recorded) -> None:
    key = leaving_key(event.scope, event.target)
    if event.remaining:
        state.leaving.setdefault(key, recorded.at)
    else:
        state.leaving.pop(key, None)
    recall(state, event.recalled)
    for withdrawal in event.withdrawn:
        copy = state.accounts[withdrawal.account].following.copies[withdrawal.copy_id]
        withdraw(state, copy, withdrawal.command)
        copy.cause = UNSUBSCRIBED
    offsets: Counter[AccountId] = Counter()
    for closing in event.orders:
        send(state, closing.account, closing.order, recorded, offsets[closing.account], None)
        offsets[closing.account] += 1
        assert closing.order.copy_id is not None
        state.accounts[closing.account].following.copies[closing.order.copy_id].cause = UNSUBSCRIBED
    for release in event.released:
        book = state.accounts[release.account].following
        copy = book.copies[release.copy_id]
        book.released[copy.magic] = Released(copy.copy_id, copy.command_sequence)
        if state.accounts[release.account].mode is MarginMode.NETTING:
            add_manual(book, copy.symbol, copy.side, copy.live_volume)
        drop_held_back(state, copy)
        end(state, copy, CopyStatus.RELEASED, UNSUBSCRIBED)
