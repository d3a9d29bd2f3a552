"""Guards, as operators see and reset them."""

from typing import Any

import msgspec

from kopitra.application.guard_desk import GuardDesk
from kopitra.domain.identifiers import AccountId
from kopitra.domain.settings import SettingsScope
from kopitra.machine.outcome import Refusal
from kopitra.protocol.management import Role
from kopitra.protocol.management_guards import GuardResetRequest
from kopitra.protocol.problems import Code, rejected
from kopitra_counterparty.exchange import Call, Reply, of_refusal, problem_reply
from kopitra_counterparty.gate import Read
from kopitra_counterparty.operator_gate import admitted

_resets = msgspec.json.Decoder(GuardResetRequest)
_encoder = msgspec.json.Encoder()


class GuardRoutes:
    def __init__(self, desk: GuardDesk) -> None:
        self._desk = desk

    @staticmethod
    def read_reset(call: Call) -> Read:
        body = call.json()
        return Read(body.read(_resets), body.normal())

    async def standing(self, call: Call, message: object) -> Reply:
        account = call.request.parameters().get("account")
        return _reply(
            call, self._desk.standing(admitted(call).asking, AccountId(account) if account else None)
        )

    async def reset(self, call: Call, request: GuardResetRequest) -> Reply:
        """A platform's guards are an admin's to reset, as its kill switch is."""
        if request.scope is SettingsScope.PLATFORM and not admitted(call).operator.may(Role.ADMIN):
            raise rejected(Code.OPERATORS_ONLY, f"resetting a platform's guard needs the role {Role.ADMIN}")
        return _reply(call, await self._desk.reset(admitted(call).asking, request))


def _reply(call: Call, answer: Any) -> Reply:
    if isinstance(answer, Refusal):
        return problem_reply(of_refusal(answer), call.request_id)
    return Reply(200, _encoder.encode(answer))
