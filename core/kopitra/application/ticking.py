"""When time alone may next change something: so that an idle shard is left alone.

A lower bound, computed once and kept as long as no event has been applied: leases, contacts and deliveries that happen
meanwhile only move what is due further away. What this file does not know of is still noticed at the next look.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from kopitra.machine.decisions.joining import is_waiting
from kopitra.machine.decisions.redriving import is_due
from kopitra.machine.decisions.ticks import SILENT_AFTER
from kopitra.machine.leases import lease_end
from kopitra.machine.readings import Readings
from kopitra.machine.state import Account, State

LOOK_AGAIN = timedelta(seconds=5)
"""The longest that a tick is put off: whoever comes back after a silence is noticed within it."""
NEXT_OPEN = timedelta(seconds=1)
"""Trades that are joined late, or opened again, come one after the other."""
NEXT_EVENT = timedelta(seconds=1)
"""What one event had no room for goes on with the next tick."""


class Ticking:
    def __init__(self) -> None:
        self._state: State | None = None
        self._sequence = -1
        self._due: datetime | None = None

    def due(self, state: State, readings: Readings, now: datetime) -> bool:
        """Whether a tick may find something to do."""
        if state is not self._state or state.sequence != self._sequence or self._due is None:
            self._state, self._sequence = state, state.sequence
            self._due = earliest(state, readings, now)
        # Further away than it can be: the clock was set back.
        if now < self._due <= now + LOOK_AGAIN:
            return False
        self._due = None
        return True


def earliest(state: State, readings: Readings, now: datetime) -> datetime:
    """When something becomes due, as far as is known now; at most `LOOK_AGAIN` away."""
    found = now + (NEXT_EVENT if state.leaving else LOOK_AGAIN)
    for account in state.accounts.values():
        for due in _dues(account, readings, now):
            found = min(found, due)
        if is_waiting(state, account):
            found = min(found, now + NEXT_OPEN)
    return found


def _dues(account: Account, readings: Readings, now: datetime) -> Iterator[datetime]:
    if account.session is not None:
        yield lease_end(account.account, account.session, readings)
        contact = readings.contacts.get(account.account)
        if contact is not None and not account.silent:
            yield contact + SILENT_AFTER
    for held in account.held_back.values():
        yield now if is_due(held, now) else held.due
    for item in account.outbox.values():
        if item.expires_at is None or item.order is None:
            continue
        if not readings.may_have_left(account.account, item.order.command_id, item.sequence):
            yield item.expires_at
