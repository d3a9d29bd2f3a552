"""Acting on what trades right now: sessions, orders, the kill switch, guards and proposed corrections. No SQL."""

from typing import Any

import msgspec

from kopitra.protocol import management_endpoints as plane
from kopitra.protocol.exchange import Reply
from kopitra_functions.http.call import Call
from kopitra_functions.http.endpoint import Route
from kopitra_functions.http.passing import ask, passed

OK = 200


async def _sessions(call: Call) -> Reply:
    """Of one tenant, for an operator of all who names it."""
    reply = await ask(call, plane.SESSIONS)
    if reply.status != OK or call.tenant in (None, call.operator.tenant):
        return reply
    listed: dict[str, Any] = msgspec.json.decode(reply.body)
    listed["sessions"] = [each for each in listed["sessions"] if each["tenant"] == call.tenant]
    return Reply(reply.status, msgspec.json.encode(listed), headers=reply.headers)


ROUTES = (
    Route(passed(plane.SESSIONS).endpoint, _sessions),
    passed(plane.SESSION_ORDERS),
    passed(plane.SESSION_OUTBOX),
    passed(plane.SESSION_LOGS),
    passed(plane.SESSION_RELEASE),
    passed(plane.SESSION_APPROVE),
    passed(plane.SESSION_REJECT),
    passed(plane.KILL_SWITCH),
    passed(plane.GUARDS),
    passed(plane.GUARD_RESET),
    passed(plane.RECONCILIATION),
    passed(plane.PROPOSALS_DECIDE),
    passed(plane.PROPOSAL_APPROVE),
    passed(plane.PROPOSAL_REJECT),
    passed(plane.RUN, "/runs/{runId}/story"),
)
