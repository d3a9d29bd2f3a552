"""What reconciliation does as time passes: late joins, missed opens, proposals that lost their ground, second looks."""

from collections.abc import Iterator
from datetime import timedelta

from kopitra.machine.decisions.agreement import AGREEMENT
from kopitra.machine.decisions.correcting import reopen_next
from kopitra.machine.decisions.deferring import propose_replays
from kopitra.machine.decisions.joining import join_late
from kopitra.machine.decisions.proposals import withdrawals
from kopitra.machine.decisions.resync import look_at_book
from kopitra.machine.events import AnyEvent
from kopitra.machine.outcome import Context
from kopitra.machine.state import Account, State

SECOND_LOOK = AGREEMENT + timedelta(seconds=5)
"""An EA that saw its book change shows it a second time by itself; after this long it is asked to."""


def late_corrections(
    state: State, account: Account, context: Context, *, opens: bool = True
) -> Iterator[AnyEvent]:
    """Of one account; usually nothing. `opens`: False while opens of it expire, which guards and stops would still
    count: what is late may wait for the next tick."""
    following = account.following
    if account.account in state.by_follower:
        yield from propose_replays(state, account, context)
    if opens and account.account in state.by_follower:
        joined = join_late(state, account, context)
        yield from joined
        if not joined and following.doubts:
            yield from reopen_next(state, account, context)
    if account.proposals:
        yield from withdrawals(state, account, context)
    if following.doubts or following.missing or account.leading.missing:
        yield from _second_look(account, context)


def _second_look(account: Account, context: Context) -> Iterator[AnyEvent]:
    """A doubt needs a second snapshot: asked for once, if none has come by itself."""
    following = account.following
    doubted = (*following.doubts.values(), *following.missing.values(), *account.leading.missing.values())
    newest = max(doubted)
    asked = account.resynced_at is not None and account.resynced_at > newest
    if account.session is None or asked or context.now - newest < SECOND_LOOK:
        return
    yield from look_at_book(account, "second_look")
