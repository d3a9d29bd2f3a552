"""Lets operators in, and nobody else: an EA's token is refused on every route of the management plane."""

import msgspec

from kopitra.adapters.operator_tokens import ALL_TENANTS, Operator, OperatorRefused, OperatorTokens
from kopitra.application.management import Asking
from kopitra.domain.identifiers import TenantId
from kopitra.machine.events import HaltScope
from kopitra.protocol.management import KillSwitchRequest, Role
from kopitra.protocol.management_endpoints import NEEDED_ROLE
from kopitra.protocol.problems import Code, Rejected, rejected
from kopitra_counterparty.exchange import AUTHORIZATION, Call

DOTS_OF_A_JWT = 2
"""A session token has one."""


class Admitted(msgspec.Struct, frozen=True):
    operator: Operator
    asking: Asking


class OperatorGate:
    def __init__(self, tokens: OperatorTokens) -> None:
        self._tokens = tokens

    async def admit(self, call: Call) -> None:
        """Establish who calls, for `admitted`. Raises Rejected."""
        operator = await self._operator(call)
        needed = NEEDED_ROLE[call.endpoint.scope]
        if not operator.may(needed):
            raise rejected(Code.OPERATORS_ONLY, f"this needs the role {needed}")
        tenant: TenantId | None = None if operator.tenant == ALL_TENANTS else operator.tenant
        call.extra = Admitted(operator, Asking(operator.subject, tenant, call.request_id))

    async def recognises(self, call: Call) -> bool:
        """Whether any operator calls."""
        try:
            await self._operator(call)
        except Rejected:
            return False
        return True

    async def _operator(self, call: Call) -> Operator:
        """Raises Rejected."""
        scheme, _, token = call.request.headers.get(AUTHORIZATION, b"").partition(b" ")
        if scheme.lower() != b"bearer" or not token:
            raise rejected(Code.TOKEN_MISSING, "an operator's access token is needed")
        if token.count(b".") != DOTS_OF_A_JWT:
            raise rejected(Code.OPERATORS_ONLY, "an EA's token opens nothing here")
        try:
            return await self._tokens.check(token.decode("ascii"))
        except (OperatorRefused, UnicodeDecodeError) as error:
            raise rejected(Code.TOKEN_INVALID, str(error)) from None


def admitted(call: Call) -> Admitted:
    assert isinstance(call.extra, Admitted)
    return call.extra


def require_reach(call: Call, request: KillSwitchRequest) -> None:
    """Halting a whole platform is an admin's. Raises Rejected."""
    if request.scope is HaltScope.PLATFORM and not admitted(call).operator.may(Role.ADMIN):
        raise rejected(Code.OPERATORS_ONLY, f"halting or resuming the platform needs the role {Role.ADMIN}")
