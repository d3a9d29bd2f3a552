"""Requests and responses of the management plane: what operators ask of a counterparty directly."""

from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

from kopitra.domain.identifiers import CommandId, ProposalId, SessionId
from kopitra.domain.orders import OrderType, Side
from kopitra.domain.trading import OrderAction
from kopitra.machine.events import HaltMode, HaltScope, Proposal
from kopitra.protocol.messages import Message, OutboxEvent


class Role(StrEnum):
    """What an operator's token grants."""

    VIEWER = "viewer"
    """Reads sessions, outboxes, logs and the feed of changes."""
    OPERATOR = "operator"
    """Also acts: orders, releases, approvals, halts."""
    ADMIN = "admin"
    """Also halts and resumes the platform."""


class OrderRequest(Message, frozen=True):
    """An operator's order to one session's account; volumes in lots. All but `open` need the ticket."""

    action: OrderAction
    symbol: str
    side: Side
    volume: Decimal
    order_type: OrderType = OrderType.MARKET
    price: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    target_volume: Decimal | None = None
    ticket: int | None = None


class OrderQueued(Message, frozen=True, omit_defaults=False):
    command_id: CommandId
    sequence: int
    status: Literal["queued"] = "queued"


class KillSwitchRequest(Message, frozen=True):
    """`target` names the group, leader or follower; it is empty for the platform."""

    action: Literal["halt", "resume"]
    scope: HaltScope
    target: str = ""
    mode: HaltMode = HaltMode.CLOSE_ONLY
    reason: str = ""


class KillSwitchAnswer(Message, frozen=True, omit_defaults=False):
    """`withdrawn`: opens that will never be sent; `closing`: closes that were queued; `remaining`: copies that one
    event has no room for, which follow within seconds."""

    status: Literal["halted", "resumed", "unchanged"]
    sequence: int
    withdrawn: int = 0
    closing: int = 0
    remaining: int = 0


SessionAction = Literal["released", "approved", "rejected"]


class SessionActionAnswer(Message, frozen=True, omit_defaults=False):
    session_id: SessionId
    status: SessionAction
    sequence: int


class SessionList(Message, frozen=True, omit_defaults=False):
    sessions: list[Any]
    server_time: str


class OutboxView(Message, frozen=True, omit_defaults=False):
    """Pending items; reading them delivers nothing."""

    events: list[OutboxEvent]
    cursor: int


class LogEntry(Message, frozen=True):
    sequence: int
    event_type: str
    recorded_at: str
    payload: Any
    request_id: str | None = None


class LogPage(Message, frozen=True, omit_defaults=False):
    entries: list[LogEntry]
    cursor: int
    more: bool


class ProposalPage(Message, frozen=True, omit_defaults=False):
    """By proposal id; `cursor` is the last one's, or the one that was asked for if there are no more."""

    proposals: list[Proposal]
    cursor: str
    more: bool


class ProposalAnswer(Message, frozen=True, omit_defaults=False):
    """`withdrawn`: what it was made for has gone meanwhile, and nothing was done."""

    proposal_id: ProposalId
    status: Literal["approved", "rejected", "withdrawn"]
    sequence: int


class ProposalDecision(Message, frozen=True, forbid_unknown_fields=True):
    proposal_id: ProposalId
    approve: bool


class ProposalDecisions(Message, frozen=True, forbid_unknown_fields=True):
    """Decided one after the other, in this order."""

    decisions: list[ProposalDecision]


class DecidedProposal(Message, frozen=True, omit_defaults=False):
    """As `ProposalAnswer`, or `refused` with the problem's `code` and `detail`: of that one nothing was done."""

    proposal_id: ProposalId
    status: Literal["approved", "rejected", "withdrawn", "refused"]
    sequence: int | None = None
    code: str | None = None
    detail: str | None = None


class ProposalsAnswer(Message, frozen=True, omit_defaults=False):
    """One for each decision, in their order."""

    decisions: list[DecidedProposal]


class ChangePage(Message, frozen=True, omit_defaults=False):
    """Entries are messages of the queue `trade-agent-events`."""

    changes: list[Any]
    cursor: int
    more: bool
