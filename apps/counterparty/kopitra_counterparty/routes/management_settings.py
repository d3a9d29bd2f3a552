"""The management plane: settings in force, and previews of others."""

import msgspec

from kopitra.application.settings_plane import SettingsPlane
from kopitra.domain.identifiers import SubscriptionId
from kopitra.machine.outcome import Refusal
from kopitra.protocol.management_settings import (
    EffectiveSettings,
    LayerProposal,
    PreviewAnswer,
    RulesProposal,
)
from kopitra_counterparty.exchange import Call, Reply, of_refusal, problem_reply
from kopitra_counterparty.gate import Read
from kopitra_counterparty.operator_gate import admitted

_rules = msgspec.json.Decoder(RulesProposal)
_layers = msgspec.json.Decoder(LayerProposal)
_encoder = msgspec.json.Encoder()


class Settings:
    def __init__(self, *, plane: SettingsPlane) -> None:
        self._plane = plane

    @staticmethod
    def read_rules(call: Call) -> Read:
        body = call.json()
        return Read(body.read(_rules), body.normal())

    @staticmethod
    def read_layer(call: Call) -> Read:
        body = call.json()
        return Read(body.read(_layers), body.normal())

    async def effective(self, call: Call, message: object) -> Reply:
        return _reply(call, self._plane.effective(admitted(call).asking, _subscription(call)))

    async def preview_rules(self, call: Call, proposal: RulesProposal) -> Reply:
        asking = admitted(call).asking
        return _reply(call, await self._plane.preview_rules(asking, _subscription(call), proposal))

    async def preview_layer(self, call: Call, proposal: LayerProposal) -> Reply:
        return _reply(call, await self._plane.preview_layer(admitted(call).asking, proposal))


def _subscription(call: Call) -> SubscriptionId:
    return SubscriptionId(call.request.params["subscriptionId"])


def _reply(call: Call, answer: EffectiveSettings | PreviewAnswer | Refusal) -> Reply:
    if isinstance(answer, Refusal):
        return problem_reply(of_refusal(answer), call.request_id)
    return Reply(200, _encoder.encode(answer))
