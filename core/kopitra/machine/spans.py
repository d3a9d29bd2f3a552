"""How many sequences an event covers: one for each item that it puts into one account's outbox, and at least one.

The i-th item of an account gets sequence + i, so a cursor can stand between any two items of one account.
"""

from collections import Counter

from kopitra.domain.identifiers import AccountId
from kopitra.machine.events import (
    AnyEvent,
    CopiesStopped,
    CopiesUnsubscribed,
    CopyPlanned,
    GuardHit,
    LeaderSilent,
    TradingHalted,
)


def span(event: AnyEvent) -> int:
    if isinstance(event, CopyPlanned):
        return (
            _most(Counter(d.follower for d in event.decisions if d.sent is not None))
            if not event.sandbox
            else 1
        )
    if isinstance(event, CopiesUnsubscribed | CopiesStopped | LeaderSilent):
        return _most(Counter(o.account for o in event.orders))
    if isinstance(event, TradingHalted | GuardHit):
        items = Counter(event.notified)
        items.update(o.account for o in event.orders)
        return _most(items)
    return 1


def _most(items: "Counter[AccountId]") -> int:
    return max(items.values(), default=1)
