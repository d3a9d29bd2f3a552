"""Requests and responses about guards: how near their limits are, and lifting what one has stopped."""

from datetime import datetime
from decimal import Decimal
from typing import Literal

from kopitra.domain.guards import GuardAction, GuardKind, GuardUnit
from kopitra.domain.identifiers import AccountId
from kopitra.domain.settings import SettingsScope
from kopitra.protocol.messages import Message


class GuardHeld(Message, frozen=True, omit_defaults=False):
    """A guard that was hit. `until`: when it is reset by itself; None: by an operator only."""

    action: GuardAction
    at: datetime
    until: datetime | None


class GuardStanding(Message, frozen=True, omit_defaults=False):
    """One guard of one account, or of the sum over its layer's accounts (`account` null). `used`: 1 is all of the
    limit; null, with the reason in `unknown`, where it cannot be told."""

    scope: SettingsScope
    target: str
    name: str
    kind: GuardKind
    unit: GuardUnit
    account: AccountId | None
    used: Decimal | None
    amount: Decimal | None
    limit: Decimal | None
    currency: str | None
    held: GuardHeld | None
    unknown: str | None


class GuardList(Message, frozen=True, omit_defaults=False):
    guards: list[GuardStanding]


class GuardResetRequest(Message, frozen=True, forbid_unknown_fields=True):
    """`target` names the group or follower; for the platform it is the tenant, and may be left out by its operators.
    `account`: lift it for this one only; else wherever the guard was hit."""

    scope: SettingsScope
    name: str
    target: str = ""
    account: AccountId | None = None


class GuardResetAnswer(Message, frozen=True, omit_defaults=False):
    """`lifted`: how many hits."""

    status: Literal["reset", "unchanged"]
    sequence: int
    lifted: int
