"""Routes of the management plane: operators only. An EA's token is refused on every one."""

from kopitra.protocol.endpoints import Access, Endpoint, Query, Rate
from kopitra.protocol.management import (
    ChangePage,
    KillSwitchAnswer,
    KillSwitchRequest,
    LogPage,
    OrderQueued,
    OrderRequest,
    OutboxView,
    ProposalAnswer,
    ProposalDecisions,
    ProposalPage,
    ProposalsAnswer,
    Role,
    SessionActionAnswer,
    SessionList,
)
from kopitra.protocol.management_guards import GuardList, GuardResetAnswer, GuardResetRequest
from kopitra.protocol.management_settings import (
    EffectiveSettings,
    LayerProposal,
    PreviewAnswer,
    RulesProposal,
)
from kopitra.protocol.messages import Message
from kopitra.protocol.stories import RunStory

CURSOR = Query("cursor", "integer", "Sequence up to which everything is known.", 0, 0)
LIMIT = Query("limit", "integer", "Most entries to return.", 100, 1, 500)


def _operators(
    method: str,
    path: str,
    summary: str,
    answer: tuple[int, type[Message]],
    request: type[Message] | None = None,
    refusals: tuple[int, ...] = (),
    query: tuple[Query, ...] = (),
) -> Endpoint:
    status, kind = answer
    return Endpoint(
        method=method,
        path=path,
        summary=summary,
        access=Access.OPERATOR,
        rate=Rate.EXEMPT,
        request=(request,) if request is not None else (),
        answers={status: (kind,)},
        refusals=refusals,
        query=query,
    )


SESSIONS = _operators("GET", "/sessions", "Live sessions of the operator's tenant.", (200, SessionList))
SESSION_ORDERS = _operators(
    "POST",
    "/sessions/{sessionId}/orders",
    "Queue an order for a session's account.",
    (202, OrderQueued),
    OrderRequest,
    (409,),
)
SESSION_OUTBOX = _operators(
    "GET",
    "/sessions/{sessionId}/outbox",
    "Pending events of a session's account; looking delivers nothing.",
    (200, OutboxView),
    refusals=(404,),
    query=(CURSOR, LIMIT),
)
SESSION_LOGS = _operators(
    "GET",
    "/sessions/{sessionId}/inbox/logs",
    "What a session's account has sent, oldest first.",
    (200, LogPage),
    refusals=(404,),
    query=(
        CURSOR,
        LIMIT,
        Query("eventType", "string", "Only entries of this inbox type."),
        Query("occurredAfter", "string", "RFC 3339; only entries recorded after it."),
        Query("occurredBefore", "string", "RFC 3339; only entries recorded before it."),
    ),
)
SESSION_RELEASE = _operators(
    "POST",
    "/sessions/{sessionId}/release",
    "End a session, so that another device may open one.",
    (200, SessionActionAnswer),
    refusals=(409,),
)
SESSION_APPROVE = _operators(
    "POST",
    "/sessions/{sessionId}/approve",
    "Let a pending session trade.",
    (200, SessionActionAnswer),
    refusals=(409,),
)
SESSION_REJECT = _operators(
    "POST",
    "/sessions/{sessionId}/reject",
    "Turn a pending session away.",
    (200, SessionActionAnswer),
    refusals=(409,),
)
KILL_SWITCH = _operators(
    "POST",
    "/kill-switch",
    "Halt or resume a platform, group, leader or follower.",
    (200, KillSwitchAnswer),
    KillSwitchRequest,
    (404,),
)
GUARDS = _operators(
    "GET",
    "/guards",
    "How near every guard is to its limit, and which are hit.",
    (200, GuardList),
    query=(Query("account", "string", "Only those of this account."),),
)
GUARD_RESET = _operators(
    "POST",
    "/guards/reset",
    "Lift what a guard has stopped; it counts anew.",
    (200, GuardResetAnswer),
    GuardResetRequest,
    (404, 409),
)
CHANGES = _operators(
    "GET", "/changes", "Events behind the cursor, for a console.", (200, ChangePage), query=(CURSOR, LIMIT)
)
RECONCILIATION = _operators(
    "GET",
    "/reconciliation",
    "Corrections that wait for an operator.",
    (200, ProposalPage),
    query=(
        Query("account", "string", "Only those of this account."),
        Query("cursor", "string", "The last proposal that is known already."),
        LIMIT,
    ),
)
PROPOSAL_APPROVE = _operators(
    "POST",
    "/reconciliation/{proposalId}/approve",
    "Let a correction be made, as things stand now.",
    (200, ProposalAnswer),
    refusals=(404, 409),
)
PROPOSAL_REJECT = _operators(
    "POST",
    "/reconciliation/{proposalId}/reject",
    "Forbid a correction for as long as its ground stays the same.",
    (200, ProposalAnswer),
    refusals=(404,),
)
PROPOSALS_DECIDE = _operators(
    "POST",
    "/reconciliation/decide",
    "Approve or reject up to 100 corrections, each on its own.",
    (200, ProposalsAnswer),
    ProposalDecisions,
    (404,),
)
RUN = _operators(
    "GET", "/operators/runs/{runId}", "The whole story of one copy.", (200, RunStory), refusals=(404,)
)

EFFECTIVE_SETTINGS = _operators(
    "GET",
    "/subscriptions/{subscriptionId}/effective",
    "Every setting in force for a subscription, and the layer that it comes from.",
    (200, EffectiveSettings),
    refusals=(404,),
)
PREVIEW_RULES = _operators(
    "POST",
    "/subscriptions/{subscriptionId}/preview",
    "What other rules of a subscription would have changed; changes nothing.",
    (200, PreviewAnswer),
    RulesProposal,
    (404,),
)
PREVIEW_SETTINGS = _operators(
    "POST",
    "/settings/preview",
    "What another layer of settings would have changed; changes nothing.",
    (200, PreviewAnswer),
    LayerProposal,
    (404,),
)

NEEDED_ROLE = {
    SESSIONS.scope: Role.VIEWER,
    SESSION_OUTBOX.scope: Role.VIEWER,
    SESSION_LOGS.scope: Role.VIEWER,
    CHANGES.scope: Role.VIEWER,
    RUN.scope: Role.VIEWER,
    EFFECTIVE_SETTINGS.scope: Role.VIEWER,
    PREVIEW_RULES.scope: Role.VIEWER,
    PREVIEW_SETTINGS.scope: Role.VIEWER,
    SESSION_ORDERS.scope: Role.OPERATOR,
    SESSION_RELEASE.scope: Role.OPERATOR,
    SESSION_APPROVE.scope: Role.OPERATOR,
    SESSION_REJECT.scope: Role.OPERATOR,
    KILL_SWITCH.scope: Role.OPERATOR,
    GUARDS.scope: Role.VIEWER,
    GUARD_RESET.scope: Role.OPERATOR,
    RECONCILIATION.scope: Role.VIEWER,
    PROPOSAL_APPROVE.scope: Role.OPERATOR,
    PROPOSALS_DECIDE.scope: Role.OPERATOR,
    PROPOSAL_REJECT.scope: Role.OPERATOR,
}
"""The least role for each; halting the platform needs an admin besides."""

MANAGEMENT_ENDPOINTS = (
    SESSIONS,
    SESSION_ORDERS,
    SESSION_OUTBOX,
    SESSION_LOGS,
    SESSION_RELEASE,
    SESSION_APPROVE,
    SESSION_REJECT,
    KILL_SWITCH,
    GUARDS,
    GUARD_RESET,
    RECONCILIATION,
    PROPOSAL_APPROVE,
    PROPOSALS_DECIDE,
    PROPOSAL_REJECT,
    CHANGES,
    RUN,
    EFFECTIVE_SETTINGS,
    PREVIEW_RULES,
    PREVIEW_SETTINGS,
)
