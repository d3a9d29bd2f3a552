"""Corrections that wait for an operator, and what was decided about them."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from kopitra.domain.identifiers import AccountId, CopyId, PositionRef, ProposalId, SubscriptionId
from kopitra.domain.telemetry import HeldPosition
from kopitra.domain.trading import Order, Signal
from kopitra.machine.event import Event


class ProposalKind(StrEnum):
    """What is the matter, and so what would be done about it."""

    GONE = "gone"
    """The broker holds nothing of the copy: it is settled as closed."""
    SMALLER = "smaller"
    """The broker holds less than was told: the rest is settled as closed by hand."""
    LARGER = "larger"
    """The broker holds more than it should: the excess is closed."""
    STOPS = "stops"
    LEFT_OVER = "left_over"
    """Its leader's trade is over, and the copy is not."""
    REOPEN = "reopen"
    ADOPT = "adopt"
    REPLAY = "replay"
    HEAL = "heal"
    """An intent that the leader's agent should have sent, as its snapshot shows."""
    NET = "net"
    """A netting account's position differs from its copies: what is missing of them is settled as closed by hand."""


class Settlement(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Lots that a copy is taken to hold from then on."""

    volume: Decimal
    cause: str


class Proposal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel", gc=False):
    """A correction that waits for an operator. `order` and `settlement` say what it would do as things stood when it
    was made; approving decides anew on the same ground."""

    proposal: ProposalId
    account: AccountId
    kind: ProposalKind
    ground: str
    """What was found, in the words of the book's doubts: the proposal stands as long as this does."""
    cause: str
    at: datetime
    copy_id: CopyId | None = None
    order: Order | None = None
    settlement: Settlement | None = None
    subscription: SubscriptionId | None = None
    leader: AccountId | None = None
    position_ref: PositionRef | None = None
    held: HeldPosition | None = None
    signal: Signal | None = None


class CorrectionProposed(Event, tag="correction.proposed", frozen=True):
    account: AccountId
    proposal: Proposal


class CorrectionDecided(Event, tag="correction.decided", frozen=True):
    account: AccountId
    proposal: ProposalId
    approved: bool
    subject: str


class CorrectionWithdrawn(Event, tag="correction.withdrawn", frozen=True):
    """Its ground has gone: the books agree, the leader's trade ended, or it is too old."""

    account: AccountId
    proposal: ProposalId
    cause: str
