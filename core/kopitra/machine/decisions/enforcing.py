"""Halts, guards and silences that stand are kept up: what they had no room for, or what came up since, is stopped too.
So is what an unsubscription had no room for.

An open whose fate was unknown turns out to be filled; a snapshot finds a copy again; a kill switch over a hundred
thousand copies takes more than one event.
"""

from collections.abc import Iterable, Iterator

from kopitra.domain.guards import GuardAction
from kopitra.domain.identifiers import AccountId
from kopitra.machine.decisions.guard_hits import held_copies, stopped_by
from kopitra.machine.decisions.halts import covered
from kopitra.machine.decisions.standing_still import Stopped, Sweep
from kopitra.machine.decisions.unsubscribing import still_leaving
from kopitra.machine.events import AnyEvent, CopiesStopped, HaltMode, HaltScope
from kopitra.machine.guards_in_force import members
from kopitra.machine.state import GuardHold, Silence


def kept_up(sweep: Sweep) -> Iterator[AnyEvent]:
    yield from _events("halted", _by_halts(sweep))
    yield from _events("guard", _by_guards(sweep))
    yield from _events("leader_silent", _by_silences(sweep))
    yield from still_leaving(sweep)


def _events(cause: str, found: Iterable[Stopped]) -> Iterator[AnyEvent]:
    for stopped in found:
        if not stopped.is_nothing:
            yield CopiesStopped(
                cause=cause,
                withdrawn=stopped.withdrawn,
                orders=stopped.orders,
                recalled=stopped.recalled,
            )


def _by_halts(sweep: Sweep) -> Iterator[Stopped]:
    for key, mode in sweep.state.halts.items():
        scope, _, target = key.partition(":")
        copies = covered(sweep.state, HaltScope(scope), target)
        yield sweep.stop(copies, positions=mode is HaltMode.FLATTEN)


def _by_guards(sweep: Sweep) -> Iterator[Stopped]:
    state = sweep.state
    for hold in state.guard_holds.values():
        yield _held(sweep, hold, members(state, hold.scope, hold.target))
    for account in state.accounts.values():
        for hold in account.guard_holds.values():
            yield _held(sweep, hold, [account.account])


def _held(sweep: Sweep, hold: GuardHold, accounts: list[AccountId]) -> Stopped:
    copies = held_copies(sweep.state, hold.scope, hold.target, accounts)
    return stopped_by(sweep, GuardAction(hold.action), copies)


def _by_silences(sweep: Sweep) -> Iterator[Stopped]:
    for account in sweep.state.accounts.values():
        if not account.silences:
            continue
        for position in account.leading.positions.values():
            copies = list(sweep.state.copies_of(position))
            closed = (c for c in copies if _is_closed(account.silences.get(c.subscription)))
            yield sweep.stop(closed, positions=True)


def _is_closed(silence: Silence | None) -> bool:
    return silence is not None and silence.closed
