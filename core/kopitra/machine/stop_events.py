"""What guards, leaders' silences and halts that stand have stopped."""

from datetime import datetime
from decimal import Decimal

import msgspec

from kopitra.domain.guard_marks import Mark
from kopitra.domain.guards import Guard, GuardReset
from kopitra.domain.identifiers import AccountId, CommandId, CopyId, SubscriptionId, TenantId
from kopitra.domain.settings import SettingsScope
from kopitra.domain.trading import Order
from kopitra.machine.event import Event


class FlattenOrder(msgspec.Struct, frozen=True, array_like=True, gc=False):
    account: AccountId
    order: Order


class Withdrawal(msgspec.Struct, frozen=True, array_like=True, gc=False):
    account: AccountId
    command: CommandId
    copy_id: CopyId


class Recall(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An open that a process before this one may have handed out: it is not handed out again while it could still be
    executed, and its EA says afterwards what became of it."""

    account: AccountId
    command: CommandId


class CopiesStopped(Event, tag="copies.stopped", frozen=True):
    """What a halt or a guard that stands still found to stop: too many for one event, or come up since."""

    cause: str
    withdrawn: tuple[Withdrawal, ...] = ()
    orders: tuple[FlattenOrder, ...] = ()
    recalled: tuple[Recall, ...] = ()


class KeptMark(msgspec.Struct, frozen=True, array_like=True, gc=False):
    key: str
    mark: Mark


class GuardMarked(Event, tag="guard.marked", frozen=True):
    """Where periods of an account's guards began and how high it has been; `dropped`: of guards that are no more."""

    account: AccountId
    marks: tuple[KeptMark, ...] = ()
    dropped: tuple[str, ...] = ()


class GuardSumMarked(Event, tag="guard.sum_marked", frozen=True):
    """The same for the result of all accounts of a guard over a sum."""

    tenant: TenantId
    key: str
    mark: Mark


class GuardHit(Event, tag="guard.hit", frozen=True):
    """A limit is reached: `measured` (a fall, or what is left above a floor) against `limit`, both in `currency`.
    `account` None: by the sum over the layer's accounts. `until`: when it is reset by itself."""

    tenant: TenantId
    scope: SettingsScope
    target: str
    guard: Guard
    measured: Decimal
    limit: Decimal
    currency: str
    notified: tuple[AccountId, ...]
    account: AccountId | None = None
    until: datetime | None = None
    withdrawn: tuple[Withdrawal, ...] = ()
    orders: tuple[FlattenOrder, ...] = ()
    recalled: tuple[Recall, ...] = ()


class GuardLifted(Event, tag="guard.reset", frozen=True):
    """`accounts`: whose own hits are lifted; `summed`: the sum's is."""

    tenant: TenantId
    scope: SettingsScope
    target: str
    name: str
    cause: GuardReset
    notified: tuple[AccountId, ...]
    accounts: tuple[AccountId, ...] = ()
    summed: bool = False
    subject: str | None = None


class LeaderSilent(Event, tag="leader.silent", frozen=True):
    """No sign of a leader's EA since `since`: nothing new is opened for `subscriptions`, and the copies of `closing`
    are closed."""

    account: AccountId
    since: datetime
    subscriptions: tuple[SubscriptionId, ...] = ()
    closing: tuple[SubscriptionId, ...] = ()
    withdrawn: tuple[Withdrawal, ...] = ()
    orders: tuple[FlattenOrder, ...] = ()
    recalled: tuple[Recall, ...] = ()


class LeaderHeard(Event, tag="leader.heard", frozen=True):
    """A silent leader's EA is back."""

    account: AccountId
