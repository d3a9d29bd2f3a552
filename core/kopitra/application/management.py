"""What operators do on a counterparty directly: look, release, approve, order, halt. Nothing here needs SQL.

Every action is journaled with the operator's subject before it is answered. A session of another tenant does not
exist for an operator.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import msgspec

from kopitra.application.engine import Engine, Outcome, Taken
from kopitra.application.feature_gate import FeatureGate
from kopitra.application.feed import inbox_type, page_of, said_by
from kopitra.application.ports.feature_flags import AS_DECLARED, FeatureFlags
from kopitra.application.ports.journal import Journal
from kopitra.application.ports.timing import Clock
from kopitra.application.views import (
    SessionView,
    account_of_proposal,
    account_of_session,
    session_view,
    session_views,
)
from kopitra.domain.identifiers import AccountId, CommandId, ProposalId, RequestId, SessionId, TenantId
from kopitra.domain.instants import rfc3339
from kopitra.machine import commands
from kopitra.machine import events as happened
from kopitra.machine.commands import Command, RememberAnswer
from kopitra.machine.events import HaltScope, Recorded, SessionEnd
from kopitra.machine.outbox import pending_after
from kopitra.machine.outcome import Refusal
from kopitra.machine.state import Account
from kopitra.protocol.event_messages import NO_TENANT, is_published, message_of, payload_of
from kopitra.protocol.management import (
    ChangePage,
    DecidedProposal,
    KillSwitchAnswer,
    KillSwitchRequest,
    LogEntry,
    LogPage,
    OrderQueued,
    OrderRequest,
    OutboxView,
    ProposalAnswer,
    ProposalDecision,
    ProposalPage,
    ProposalsAnswer,
    SessionAction,
    SessionActionAnswer,
    SessionList,
)
from kopitra.protocol.messages import OutboxEvent

SESSION_NOT_ACTIVE = Refusal(status=409, code="session_not_active", detail="There is no such live session.")
PROPOSAL_UNKNOWN = Refusal(
    status=404, code="proposal_unknown", detail="There is no such proposal (any more)."
)
SESSION_UNKNOWN = Refusal(status=404, code="session_unknown", detail="There is no such live session.")


class Asking(msgspec.Struct, frozen=True):
    """Who asks: the operator's subject, and its tenant, None for one of the whole platform."""

    subject: str
    tenant: TenantId | None
    request_id: RequestId | None = None


Answer = OrderQueued | SessionActionAnswer | KillSwitchAnswer | ProposalAnswer | ProposalsAnswer
Keep = Callable[[Answer | Refusal], RememberAnswer | None]
"""Given the answer: what to keep of it in the commit of what it answers, so that a repeat gets it again."""
Shown = TypeVar("Shown", OrderQueued, SessionActionAnswer, KillSwitchAnswer, ProposalAnswer)


def keep_nothing(answer: Answer | Refusal) -> RememberAnswer | None:
    return None


class ManagementPlane:
    """Looks at the engine's state; what it asks for goes through the gate of features."""

    def __init__(
        self,
        *,
        engine: Engine,
        journal: Journal,
        clock: Clock,
        decode: Callable[[bytes], Recorded],
        features: FeatureFlags = AS_DECLARED,
    ) -> None:
        self._engine = engine
        self._gate = FeatureGate(engine, features)
        self._journal = journal
        self._clock = clock
        self._decode = decode

    def sessions(self, asking: Asking) -> SessionList:
        views: list[SessionView] = session_views(self._engine.state, self._engine.readings, asking.tenant)
        return SessionList(sessions=list(views), server_time=rfc3339(self._clock.now()))

    def session(self, asking: Asking, session: SessionId) -> SessionView | Refusal:
        account = self._account(asking, session)
        if account is None:
            return SESSION_UNKNOWN
        return session_view(self._engine.state, self._engine.readings, account)

    def outbox(self, asking: Asking, session: SessionId, cursor: int, limit: int) -> OutboxView | Refusal:
        """Pending items of a session's account; looking at them is no delivery."""
        account = self._account(asking, session)
        if account is None:
            return SESSION_UNKNOWN
        items = [i for i in pending_after(account, cursor, limit) if i.sequence <= self._engine.committed]
        shard = self._engine.state.shard
        events = [
            OutboxEvent(
                event_id=f"{shard}-{item.sequence}",  # type: ignore[arg-type]
                sequence=item.sequence,
                event_type=item.event_type,
                occurred_at=rfc3339(item.at),
                payload=item.order if item.order is not None else item.payload,
                request_id=item.request_id,
                run_id=item.run,
            )
            for item in items
        ]
        return OutboxView(events=events, cursor=items[-1].sequence if items else cursor)

    async def inbox_log(
        self,
        asking: Asking,
        session: SessionId,
        *,
        cursor: int,
        limit: int,
        event_type: str | None = None,
        after: datetime | None = None,
        before: datetime | None = None,
    ) -> LogPage | Refusal:
        """What the session's account has sent, oldest first."""
        account = self._account(asking, session)
        if account is None:
            return SESSION_UNKNOWN
        wanted = said_by(account.account, event_type, after, before)
        page = await page_of(self._journal, self._decode, cursor, limit, wanted)
        return LogPage(entries=[_log_entry(r) for r in page.items], cursor=page.cursor, more=page.more)

    async def changes(self, asking: Asking, cursor: int, limit: int) -> ChangePage:
        """Events of the operator's tenant behind the cursor, as the management side gets them."""
        tenants = self._tenants()

        def wanted(recorded: Recorded) -> bool:
            return is_published(recorded.event) and _seen_by(asking, _tenant_of(recorded, tenants))

        page = await page_of(self._journal, self._decode, cursor, limit, wanted)
        return ChangePage(
            changes=[message_of(r, tenants, payload_of(r.event)) for r in page.items],
            cursor=page.cursor,
            more=page.more,
        )

    async def order(
        self, asking: Asking, session: SessionId, request: OrderRequest, keep: Keep = keep_nothing
    ) -> OrderQueued | Refusal:
        account = self._account(asking, session)
        if account is None:
            return SESSION_NOT_ACTIVE
        command = commands.PlaceOperatorOrder(
            account=account.account,
            subject=asking.subject,
            action=request.action,
            symbol=request.symbol,
            side=request.side,
            volume=request.volume,
            order_type=request.order_type,
            price=request.price,
            stop_loss=request.stop_loss,
            take_profit=request.take_profit,
            target_volume=request.target_volume,
            ticket=request.ticket,
        )
        return await self._submit(asking, command, _queued, keep)

    async def release(
        self, asking: Asking, session: SessionId, keep: Keep = keep_nothing
    ) -> SessionActionAnswer | Refusal:
        return await self._end(asking, session, SessionEnd.FORCED, keep)

    async def reject(
        self, asking: Asking, session: SessionId, keep: Keep = keep_nothing
    ) -> SessionActionAnswer | Refusal:
        return await self._end(asking, session, SessionEnd.REJECTED, keep)

    async def approve(
        self, asking: Asking, session: SessionId, keep: Keep = keep_nothing
    ) -> SessionActionAnswer | Refusal:
        account = self._account(asking, session)
        if account is None:
            return SESSION_NOT_ACTIVE
        command = commands.ApproveSession(account=account.account, session=session, subject=asking.subject)
        return await self._submit(asking, command, partial(_acted, session, "approved"), keep)

    def reconciliation(
        self, asking: Asking, account: AccountId | None, cursor: str, limit: int
    ) -> ProposalPage:
        """Corrections of the operator's tenant that wait for a decision, behind the cursor."""
        waiting = sorted(
            (
                proposal
                for owner in self._engine.state.accounts.values()
                if _seen_by(asking, owner.tenant) and account in (None, owner.account)
                for proposal in owner.proposals.values()
                if proposal.proposal > cursor
            ),
            key=lambda proposal: proposal.proposal,
        )
        page = waiting[:limit]
        return ProposalPage(
            proposals=page,
            cursor=page[-1].proposal if page else cursor,
            more=len(waiting) > limit,
        )

    async def decide(
        self, asking: Asking, proposal: ProposalId, approve: bool, keep: Keep = keep_nothing
    ) -> ProposalAnswer | Refusal:
        """Approve or reject a correction."""
        command = self._decision(asking, ProposalDecision(proposal_id=proposal, approve=approve))
        if command is None:
            return PROPOSAL_UNKNOWN
        return await self._submit(asking, command, partial(_proposal_decided, proposal), keep)

    async def decide_all(
        self, asking: Asking, decisions: Sequence[ProposalDecision], keep: Keep = keep_nothing
    ) -> ProposalsAnswer:
        """Approve or reject several corrections in their order; one that is refused keeps no other from being made."""
        asked = [self._decision(asking, decision) for decision in decisions]

        def compose(outcomes: Sequence[Outcome]) -> ProposalsAnswer:
            told = iter(outcomes)
            found = (next(told) if command is not None else PROPOSAL_UNKNOWN for command in asked)
            return ProposalsAnswer(
                decisions=[_decided(d.proposal_id, o) for d, o in zip(decisions, found, strict=True)]
            )

        outcomes = await self._gate.submit(
            [command for command in asked if command is not None],
            request_id=asking.request_id,
            actor=asking.subject,
            remember=lambda outcomes: keep(compose(outcomes)),
        )
        return compose(outcomes)

    def _decision(self, asking: Asking, decision: ProposalDecision) -> commands.DecideProposal | None:
        account = account_of_proposal(self._engine.state, decision.proposal_id)
        if account is None or not _seen_by(asking, account.tenant):
            return None
        return commands.DecideProposal(
            account=account.account,
            proposal=decision.proposal_id,
            approve=decision.approve,
            subject=asking.subject,
            tenant=asking.tenant,
        )

    async def kill_switch(self, asking: Asking, request: KillSwitchRequest) -> KillSwitchAnswer | Refusal:
        """Halt or resume. An operator of one tenant who halts the platform halts that tenant's part of it."""
        if request.scope is not HaltScope.PLATFORM and not request.target:
            return Refusal(status=422, code="halt_target_missing", detail=f"Which {request.scope}?")
        if request.action == "halt":
            command: Command = commands.Halt(
                scope=request.scope,
                target=request.target,
                mode=request.mode,
                subject=asking.subject,
                tenant=asking.tenant,
                reason=request.reason,
            )
        else:
            command = commands.Resume(
                scope=request.scope, target=request.target, subject=asking.subject, tenant=asking.tenant
            )
        return await self._submit(asking, command, partial(_switched, request.action), keep_nothing)

    async def _end(
        self, asking: Asking, session: SessionId, reason: SessionEnd, keep: Keep
    ) -> SessionActionAnswer | Refusal:
        account = self._account(asking, session)
        if account is None:
            return SESSION_NOT_ACTIVE
        command = commands.EndSession(
            account=account.account, session=session, reason=reason, subject=asking.subject
        )
        status: SessionAction = "released" if reason is SessionEnd.FORCED else "rejected"
        return await self._submit(asking, command, partial(_acted, session, status), keep)

    async def _submit(
        self, asking: Asking, command: Command, compose: Callable[[Taken], Shown], keep: Keep
    ) -> Shown | Refusal:
        def remember(outcomes: Sequence[Outcome]) -> RememberAnswer | None:
            outcome = outcomes[0]
            return keep(outcome if isinstance(outcome, Refusal) else compose(outcome))

        [outcome] = await self._gate.submit(
            [command], request_id=asking.request_id, actor=asking.subject, remember=remember
        )
        return outcome if isinstance(outcome, Refusal) else compose(outcome)

    def _account(self, asking: Asking, session: SessionId) -> Account | None:
        account = account_of_session(self._engine.state, session)
        if account is None or asking.tenant not in (None, account.tenant):
            return None
        return account

    def _tenants(self) -> dict[AccountId, TenantId]:
        return {a.account: a.tenant for a in self._engine.state.accounts.values()}


def _seen_by(asking: Asking, tenant: TenantId) -> bool:
    return asking.tenant in (None, tenant)


def _tenant_of(recorded: Recorded, tenants: Mapping[AccountId, TenantId]) -> TenantId:
    return message_of(recorded, tenants, None).tenant or NO_TENANT


def _log_entry(recorded: Recorded) -> LogEntry:
    event = recorded.event
    if isinstance(event, happened.InboxRecorded):
        payload: Any = msgspec.Raw(event.payload)
    else:
        payload = payload_of(event)
    return LogEntry(
        sequence=recorded.sequence,
        event_type=inbox_type(recorded) or "",
        recorded_at=rfc3339(recorded.at),
        payload=payload,
        request_id=recorded.request_id,
    )


def _queued(taken: Taken) -> OrderQueued:
    return OrderQueued(command_id=CommandId(str(taken.answer["command_id"])), sequence=taken.last)


def _acted(session: SessionId, status: SessionAction, taken: Taken) -> SessionActionAnswer:
    return SessionActionAnswer(session_id=session, status=status, sequence=taken.last)


def _proposal_decided(proposal: ProposalId, taken: Taken) -> ProposalAnswer:
    status: Any = taken.answer["status"]
    return ProposalAnswer(proposal_id=proposal, status=status, sequence=taken.last)


def _decided(proposal: ProposalId, outcome: Outcome) -> DecidedProposal:
    if isinstance(outcome, Refusal):
        return DecidedProposal(
            proposal_id=proposal, status="refused", code=outcome.code, detail=outcome.detail
        )
    answer = _proposal_decided(proposal, outcome)
    return DecidedProposal(proposal_id=proposal, status=answer.status, sequence=answer.sequence)


def _switched(action: str, taken: Taken) -> KillSwitchAnswer:
    if action == "resume":
        return KillSwitchAnswer(status="resumed" if taken.changed else "unchanged", sequence=taken.last)
    return KillSwitchAnswer(
        status="halted",
        sequence=taken.last,
        withdrawn=_count(taken.answer, "withdrawn"),
        closing=_count(taken.answer, "closing"),
        remaining=_count(taken.answer, "remaining"),
    )


def _count(answer: Mapping[str, object], name: str) -> int:
    value = answer.get(name, 0)
    return value if isinstance(value, int) else 0
