"""What is in force, and what a change would have changed: the counterparty knows, and is asked as the operator."""

from kopitra.protocol.exchange import Reply
from kopitra.protocol.management import Role
from kopitra.protocol.management_settings import (
    EffectiveSettings,
    LayerProposal,
    PreviewAnswer,
    RulesProposal,
)
from kopitra_functions.http.call import Call
from kopitra_functions.http.endpoint import Endpoint, Route


async def _effective(call: Call) -> Reply:
    return await call.ask("GET", f"/subscriptions/{call.part('subscription')}/effective")


async def _preview_rules(call: Call) -> Reply:
    path = f"/subscriptions/{call.part('subscription')}/preview"
    return await call.ask("POST", path, call.request.body)


async def _preview_layer(call: Call) -> Reply:
    return await call.ask("POST", "/settings/preview", call.request.body)


ROUTES = (
    Route(
        Endpoint(
            method="GET",
            path="/subscriptions/{subscription}/effective",
            summary="Every setting in force for a subscription, and the layer that it comes from.",
            role=Role.VIEWER,
            answers={200: (EffectiveSettings,)},
            sql=False,
        ),
        _effective,
    ),
    Route(
        Endpoint(
            method="POST",
            path="/subscriptions/{subscription}/preview",
            summary="What other rules of a subscription would have changed; changes nothing.",
            role=Role.VIEWER,
            body=(RulesProposal,),
            answers={200: (PreviewAnswer,)},
            sql=False,
        ),
        _preview_rules,
    ),
    Route(
        Endpoint(
            method="POST",
            path="/settings/preview",
            summary="What another layer of settings would have changed; changes nothing.",
            role=Role.VIEWER,
            body=(LayerProposal,),
            answers={200: (PreviewAnswer,)},
            refusals=(404,),
            sql=False,
        ),
        _preview_layer,
    ),
)
