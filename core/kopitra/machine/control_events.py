"""What operators and publications stop, and let go on."""

from enum import StrEnum

import msgspec

from kopitra.domain.identifiers import AccountId, CopyId
from kopitra.machine.event import Event
from kopitra.machine.stop_events import FlattenOrder, Recall, Withdrawal


class HaltScope(StrEnum):
    PLATFORM = "platform"
    GROUP = "group"
    LEADER = "leader"
    FOLLOWER = "follower"


class HaltMode(StrEnum):
    CLOSE_ONLY = "close_only"
    FLATTEN = "flatten"


class UnsubscribedBy(StrEnum):
    """What was published as not enabled; for a group also: without one of its leaders."""

    SUBSCRIPTION = "subscription"
    GROUP = "group"
    FOLLOWER = "follower"


class TradingHalted(Event, tag="trading.halted", frozen=True):
    scope: HaltScope
    target: str
    mode: HaltMode
    subject: str
    notified: tuple[AccountId, ...]
    withdrawn: tuple[Withdrawal, ...] = ()
    orders: tuple[FlattenOrder, ...] = ()
    reason: str = ""
    revision: int = 0
    recalled: tuple[Recall, ...] = ()


class Release(msgspec.Struct, frozen=True, array_like=True, gc=False):
    account: AccountId
    copy_id: CopyId


class CopiesUnsubscribed(Event, tag="copies.unsubscribed", frozen=True):
    """What becomes of copies whose subscription, group, leader's place in it, or follower is not enabled any more,
    each by its own subscription's `unsubscribe`."""

    scope: UnsubscribedBy
    target: str
    withdrawn: tuple[Withdrawal, ...] = ()
    orders: tuple[FlattenOrder, ...] = ()
    released: tuple[Release, ...] = ()
    recalled: tuple[Recall, ...] = ()
    remaining: bool = False
    """There are more than one event has room for: the next ticks go on."""


class TradingResumed(Event, tag="trading.resumed", frozen=True):
    scope: HaltScope
    target: str
    subject: str
    notified: tuple[AccountId, ...]
    revision: int = 0
