"""The management plane: what operators see and do."""

from datetime import datetime
from typing import Any, TypeVar

import msgspec

from kopitra.application.engine import Engine
from kopitra.application.management import PROPOSAL_UNKNOWN, SESSION_NOT_ACTIVE, Answer, Keep, ManagementPlane
from kopitra.application.views import account_of_proposal, owner_of_session
from kopitra.domain.identifiers import AccountId, ProposalId, RunId, SessionId, is_proposal_id
from kopitra.machine.commands import RememberAnswer
from kopitra.machine.outcome import Refusal
from kopitra.machine.state import Account
from kopitra.protocol.limits import DEFAULT_OUTBOX_LIMIT, MAX_BATCH_DECISIONS, MAX_LOG_LIMIT, MAX_WHOLE_NUMBER
from kopitra.protocol.management import KillSwitchRequest, OrderQueued, OrderRequest, ProposalDecisions
from kopitra.protocol.messages import FieldError
from kopitra.protocol.parsing import invalid
from kopitra.protocol.problems import Code, rejected
from kopitra_counterparty.exchange import Call, Reply, of_refusal, problem_reply
from kopitra_counterparty.gate import Read
from kopitra_counterparty.idempotency import Idempotency
from kopitra_counterparty.operator_gate import admitted, require_reach
from kopitra_counterparty.routes.outbox import whole
from kopitra_counterparty.routes.runs import Runs

T = TypeVar("T")

_orders = msgspec.json.Decoder(OrderRequest)
_decisions = msgspec.json.Decoder(ProposalDecisions)
_switches = msgspec.json.Decoder(KillSwitchRequest)
_times = msgspec.json.Decoder(datetime)
_encoder = msgspec.json.Encoder()


class Management:
    def __init__(
        self, *, plane: ManagementPlane, engine: Engine, idempotency: Idempotency, runs: Runs
    ) -> None:
        self._plane = plane
        self._engine = engine
        self._idempotency = idempotency
        self._runs = runs

    async def owner(self, call: Call, message: object) -> Account:
        """The account whose session is meant: it keeps the answers to the keys. Raises Rejected."""
        account = owner_of_session(self._engine.state, self._session(call))
        if account is None or not admitted(call).operator.sees(account.tenant):
            raise of_refusal(SESSION_NOT_ACTIVE)
        return account

    async def proposal_owner(self, call: Call, message: object) -> Account:
        """The account that the correction is for: it keeps the answers to the keys. Raises Rejected."""
        account = account_of_proposal(self._engine.state, self._proposal(call))
        if account is None or not admitted(call).operator.sees(account.tenant):
            raise of_refusal(PROPOSAL_UNKNOWN)
        return account

    async def proposals_owner(self, call: Call, message: ProposalDecisions) -> Account:
        """The account of the first correction that is known. Raises Rejected where none is."""
        for decision in message.decisions:
            account = account_of_proposal(self._engine.state, decision.proposal_id)
            if account is not None and admitted(call).operator.sees(account.tenant):
                return account
        raise of_refusal(PROPOSAL_UNKNOWN)

    @staticmethod
    def read_decisions(call: Call) -> Read:
        body = call.json()
        asked = body.read(_decisions)
        if len(asked.decisions) > MAX_BATCH_DECISIONS:
            raise rejected(Code.BATCH_TOO_LARGE, f"a batch has at most {MAX_BATCH_DECISIONS} decisions")
        if not asked.decisions:
            raise invalid([FieldError(path="$.decisions", message="a batch has at least one decision")])
        return Read(asked, body.normal())

    @staticmethod
    def read_order(call: Call) -> Read:
        body = call.json()
        return Read(body.read(_orders), body.normal())

    @staticmethod
    def read_switch(call: Call) -> Read:
        body = call.json()
        return Read(body.read(_switches), body.normal())

    async def sessions(self, call: Call, message: object) -> Reply:
        return _reply(call, self._plane.sessions(admitted(call).asking))

    async def outbox(self, call: Call, message: object) -> Reply:
        cursor, limit = _page(call)
        view = self._plane.outbox(admitted(call).asking, self._session(call), cursor, limit)
        return _reply(call, view)

    async def logs(self, call: Call, message: object) -> Reply:
        cursor, limit = _page(call)
        given = call.request.parameters()
        page = await self._plane.inbox_log(
            admitted(call).asking,
            self._session(call),
            cursor=cursor,
            limit=limit,
            event_type=given.get("eventType"),
            after=_time(given, "occurredAfter"),
            before=_time(given, "occurredBefore"),
        )
        return _reply(call, page)

    async def changes(self, call: Call, message: object) -> Reply:
        cursor, limit = _page(call)
        return _reply(call, await self._plane.changes(admitted(call).asking, cursor, limit))

    async def run(self, call: Call, message: object) -> Reply:
        """The whole story, to operators of the leader's tenant."""
        story = await self._runs.story(RunId(call.request.params["runId"]), None)
        leader = self._engine.state.accounts.get(story.intent.account or AccountId(""))
        if leader is None or not admitted(call).operator.sees(leader.tenant):
            raise rejected(Code.RUN_UNKNOWN)
        return _reply(call, story)

    async def order(self, call: Call, request: OrderRequest) -> Reply:
        asking = admitted(call).asking
        return _reply(call, await self._plane.order(asking, self._session(call), request, self._keep(call)))

    async def release(self, call: Call, message: object) -> Reply:
        asking = admitted(call).asking
        return _reply(call, await self._plane.release(asking, self._session(call), self._keep(call)))

    async def approve(self, call: Call, message: object) -> Reply:
        asking = admitted(call).asking
        return _reply(call, await self._plane.approve(asking, self._session(call), self._keep(call)))

    async def reject(self, call: Call, message: object) -> Reply:
        asking = admitted(call).asking
        return _reply(call, await self._plane.reject(asking, self._session(call), self._keep(call)))

    async def reconciliation(self, call: Call, message: object) -> Reply:
        given = call.request.parameters()
        account = AccountId(given["account"]) if given.get("account") else None
        limit = whole(given, "limit", DEFAULT_OUTBOX_LIMIT, 1, MAX_LOG_LIMIT)
        cursor = given.get("cursor", "")
        if not is_proposal_id(cursor) and cursor:
            raise rejected(Code.QUERY_INVALID, "cursor must be the id of a proposal")
        page = self._plane.reconciliation(admitted(call).asking, account, cursor, limit)
        return _reply(call, page)

    async def approve_proposal(self, call: Call, message: object) -> Reply:
        return await self._decide(call, approve=True)

    async def reject_proposal(self, call: Call, message: object) -> Reply:
        return await self._decide(call, approve=False)

    async def decide_proposals(self, call: Call, asked: ProposalDecisions) -> Reply:
        asking = admitted(call).asking
        return _reply(call, await self._plane.decide_all(asking, asked.decisions, self._keep(call)))

    async def _decide(self, call: Call, *, approve: bool) -> Reply:
        asking = admitted(call).asking
        return _reply(call, await self._plane.decide(asking, self._proposal(call), approve, self._keep(call)))

    async def kill_switch(self, call: Call, request: KillSwitchRequest) -> Reply:
        require_reach(call, request)
        return _reply(call, await self._plane.kill_switch(admitted(call).asking, request))

    def _keep(self, call: Call) -> Keep:
        def keep(answer: Answer | Refusal) -> RememberAnswer | None:
            return self._idempotency.remember(call, call.known_account, _reply(call, answer))

        return keep

    @staticmethod
    def _session(call: Call) -> SessionId:
        return SessionId(call.request.params["sessionId"])

    @staticmethod
    def _proposal(call: Call) -> ProposalId:
        return ProposalId(call.request.params["proposalId"])


def _reply(call: Call, answer: Any) -> Reply:
    if isinstance(answer, Refusal):
        return problem_reply(of_refusal(answer), call.request_id)
    return Reply(202 if isinstance(answer, OrderQueued) else 200, _encoder.encode(answer))


def _page(call: Call) -> tuple[int, int]:
    given = call.request.parameters()
    cursor = whole(given, "cursor", 0, 0, MAX_WHOLE_NUMBER)
    return cursor, whole(given, "limit", DEFAULT_OUTBOX_LIMIT, 1, MAX_LOG_LIMIT)


def _time(given: dict[str, str], name: str) -> datetime | None:
    if not given.get(name):
        return None
    try:
        at = _times.decode(msgspec.json.encode(given[name].replace(" ", "+")))
    except msgspec.MsgspecError:
        at = None
    if at is None or at.tzinfo is None:
        raise rejected(Code.QUERY_INVALID, f"{name} must be an RFC 3339 time with an offset")
    return at
