"""Hand pending outbox items to the EAs that ask for them, at once or as soon as there is something.

A poll costs what it returns; a parked poll costs a future and an entry in a heap, no task and no timer of its own.
Items are marked as delivered before the answer is written: from then on nothing may withdraw them.
"""

import asyncio
import heapq
from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import count

import msgspec

from kopitra.application.handed_out import HandedOut
from kopitra.application.outbox_pages import Ask, Page, Pages, Source, due_from, start_of
from kopitra.application.ports.timing import Clock
from kopitra.domain.identifiers import AccountId, CommandId
from kopitra.machine.state import Account

REDELIVER_AFTER_SECONDS = 30.0
PARKED_PER_ACCOUNT = 4
"""A sensor, a hand and their reconnections; the oldest beyond that belongs to a connection that is gone."""
DELIVERED_SLACK = 64
"""Retired commands that may stay in the set of delivered ones before it is swept."""


Parked = asyncio.Future[bool]
"""Ends with whether the poll is to leave without another look."""


class _Account:
    """What delivery remembers of an account."""

    __slots__ = ("handed", "held_back", "parked")

    def __init__(self, handed: HandedOut) -> None:
        self.handed = handed
        self.parked: list[Parked] = []
        self.held_back = False
        """Trades were kept from a session that was not approved."""


class Delivery:
    """`on_delivered` is told of every order that is written into an answer."""

    def __init__(
        self,
        source: Source,
        clock: Clock,
        on_delivered: Callable[[CommandId, datetime], None] = lambda command, at: None,
    ) -> None:
        self._source = source
        self._clock = clock
        self._on_delivered = on_delivered
        self._pages = Pages(source)
        self._accounts: dict[AccountId, _Account] = {}
        self._timers: list[tuple[float, int, Parked]] = []
        self._order = count()
        self._closed = False

    @property
    def parked(self) -> int:
        return sum(len(known.parked) for known in self._accounts.values())

    def page(self, ask: Ask) -> Page:
        """What this poll gets now; marks it as delivered."""
        account = self._source.state.accounts[ask.account]
        known = self._known(ask.account, account)
        cursor, resync = start_of(self._source, ask, account)
        if ask.approved and known.held_back:
            known.held_back = False
            known.handed.all_due()
        now = self._clock.monotonic()
        if ask.approved:
            known.handed.release(account, self._clock.now())
        known.handed.skip_to(account, cursor, now)
        due = now - REDELIVER_AFTER_SECONDS
        page = self._pages.choose(ask, account, known.handed, cursor, due, self._clock.now())
        known.handed.delay(page.delayed)
        if ask.approved:
            self._mark(account, known, page, now)
        else:
            known.held_back = True
            known.handed.skip_to(account, page.cursor, now)
        return page if resync is None else msgspec.structs.replace(page, resync=resync)

    async def poll(self, ask: Ask, wait: float, check: Callable[[], None]) -> Page:
        """Like `page`, but with nothing to send it waits up to `wait` seconds. `check` is called before every look and
        may raise: the session may have ended, or the instance lost its fence, while the poll was parked."""
        ends = self._clock.monotonic() + wait
        while True:
            check()
            page = self.page(ask)
            if page.has_news or self._closed or self._clock.monotonic() >= ends:
                return page
            ask = msgspec.structs.replace(ask, cursor=page.cursor)  # past what is delayed
            if await self._park(ask.account, ends):
                return Page(ask.cursor, [], [])

    def wake(self, accounts: Iterable[AccountId], leave: bool = False) -> None:
        """Something became visible for these accounts, or their polls are to leave."""
        for account in accounts:
            known = self._accounts.get(account)
            if known is not None and known.parked:
                parked, known.parked = known.parked, []
                for future in parked:
                    _release(future, leave)

    def sweep(self) -> None:
        """Release parked polls whose time has come. Called several times a second."""
        now = self._clock.monotonic()
        while self._timers and self._timers[0][0] <= now:
            _release(heapq.heappop(self._timers)[2])

    def restart(self) -> None:
        """The state was rebuilt by another term: whatever is pending may have been sent before."""
        self.release()
        self._accounts.clear()

    def close(self) -> None:
        """Let every parked poll return without news, and later ones not wait."""
        self._closed = True
        self.wake(list(self._accounts), leave=True)
        self._timers.clear()

    def release(self) -> None:
        """Let every parked poll look again, whether it may be answered at all."""
        self.wake(list(self._accounts))
        self._timers.clear()

    def _known(self, name: AccountId, account: Account) -> _Account:
        known = self._accounts.get(name)
        if known is None:
            through = min(self._source.readings.recovered_through, self._source.committed)
            recovered = (account.outbox[sequence] for sequence in account.queue if sequence <= through)
            readings = self._source.readings
            handed = HandedOut(recovered, through, lambda item: due_from(item, readings))
            known = self._accounts[name] = _Account(handed)
        return known

    def _mark(self, account: Account, known: _Account, page: Page, now: float) -> None:
        if not (page.events or page.urgent):
            known.handed.skip_to(account, page.cursor, now)
            return
        delivered = self._source.readings.delivered.setdefault(account.account, set())
        at = self._clock.now()
        for items in (page.urgent, page.events):
            known.handed.note_sent(items, now)
            for item in items:
                if item.order is not None:
                    delivered.add(item.order.command_id)
                    self._on_delivered(item.order.command_id, at)
        known.handed.skip_to(account, page.cursor, now)
        known.handed.sweep(account)
        if len(delivered) > 2 * len(account.commands) + DELIVERED_SLACK:
            delivered.intersection_update(account.commands)

    async def _park(self, name: AccountId, ends: float) -> bool:
        account = self._source.state.accounts[name]
        known = self._known(name, account)
        oldest = known.handed.oldest(account)
        if oldest is not None:
            ends = min(ends, oldest + REDELIVER_AFTER_SECONDS)
        release = known.handed.next_release(account) if not known.held_back else None
        if release is not None:
            ends = min(ends, self._clock.monotonic() + (release - self._clock.now()).total_seconds())
        future: Parked = asyncio.get_running_loop().create_future()
        if len(known.parked) >= PARKED_PER_ACCOUNT:
            _release(known.parked.pop(0), leave=True)
        known.parked.append(future)
        heapq.heappush(self._timers, (ends, next(self._order), future))
        try:
            return await future
        finally:
            if future in known.parked:
                known.parked.remove(future)


def _release(future: Parked, leave: bool = False) -> None:
    if not future.done():
        future.set_result(leave)
