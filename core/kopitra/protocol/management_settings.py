"""Requests and responses about settings: what is in force for whom, and what a change would have changed."""

from decimal import Decimal
from typing import Any

from kopitra.domain.guards import Guard
from kopitra.domain.identifiers import AccountId, CopyId, GroupId, RunId, SubscriptionId, TenantId
from kopitra.domain.net_limits import SettingNote
from kopitra.domain.orders import OrderType, Side
from kopitra.domain.settings import CopySettings, Layer, SettingsScope
from kopitra.protocol.limits import DEFAULT_PREVIEW_EVENTS
from kopitra.protocol.messages import FieldError, Message


class SettingInForce(Message, frozen=True, omit_defaults=False):
    """A value as it is written in settings, and the layer that it comes from."""

    value: Any
    origin: Layer


class EffectiveSettings(Message, frozen=True, omit_defaults=False):
    """Every setting of one subscription. `problems` keep one that is not enabled from being enabled; `notes` tell what
    settings cannot do on the follower's account."""

    subscription: SubscriptionId
    group: GroupId
    follower: AccountId
    enabled: bool
    revision: int
    rules_version: int
    settings: dict[str, SettingInForce]
    symbol_origins: dict[str, Layer]
    problems: list[FieldError]
    notes: tuple[SettingNote, ...] = ()


class _Proposal(Message, frozen=True, forbid_unknown_fields=True):
    """A setting that is silently ignored costs money, here as in what is published."""


class RulesProposal(_Proposal, frozen=True):
    """A subscription's own layer as it would be. `last_events`: how many of its leaders' last opens to look at."""

    rules: CopySettings
    enabled: bool = True
    last_events: int = DEFAULT_PREVIEW_EVENTS


class LayerProposal(_Proposal, frozen=True):
    """A platform's, group's or follower's layer as it would be. An operator of all tenants names the platform's."""

    scope: SettingsScope
    settings: CopySettings
    target: str = ""
    guards: tuple[Guard, ...] = ()
    tenant: TenantId | None = None
    last_events: int = DEFAULT_PREVIEW_EVENTS


class ForeseenCopy(Message, frozen=True):
    """What a follower gets for an open: an order, or the reason for none."""

    outcome: str
    reason: str | None = None
    detail: str | None = None
    symbol: str | None = None
    side: Side | None = None
    order_type: OrderType | None = None
    volume: Decimal | None = None
    price: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None


class PreviewedEvent(Message, frozen=True):
    """A leader's open. `sequence` is missing where its record is out of reach and the leader's book had to do."""

    leader: AccountId
    run_id: RunId
    symbol: str
    side: Side
    volume: Decimal
    decided_at: str
    sequence: int | None = None


class Difference(Message, frozen=True, omit_defaults=False):
    """One open that one subscription would have got otherwise. `copy_id`: the copy of it that is open now. `assumed`:
    not all that it was decided by is on record, or it was decided by other rules than those in force."""

    subscription: SubscriptionId
    event: PreviewedEvent
    before: ForeseenCopy
    after: ForeseenCopy
    reason: str
    assumed: bool
    copy_id: CopyId | None = None


class SubscriptionPreview(Message, frozen=True, omit_defaults=False):
    """`changed` names the settings whose values would change. Counts of open copies and of events looked at, and how
    many of them would have been decided otherwise."""

    subscription: SubscriptionId
    follower: AccountId
    changed: list[str]
    open_copies: int = 0
    open_copies_different: int = 0
    events: int = 0
    events_different: int = 0


class PreviewAnswer(Message, frozen=True, omit_defaults=False):
    """`events`: leaders' opens that were looked at, newest first; records reach back to `since` (sequence and time).
    `complete`: nothing was left out for its size; counts are of what was compared, whatever is listed."""

    subscriptions: list[SubscriptionPreview]
    differences: list[Difference]
    events: int
    complete: bool
    since_sequence: int | None = None
    since: str | None = None
