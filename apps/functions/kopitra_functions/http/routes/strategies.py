"""Strategies: settings under a name, ready for new subscriptions."""

from sqlalchemy import select
from sqlalchemy.engine import RowMapping

from kopitra.domain.instants import rfc3339
from kopitra.domain.settings import NOTHING_SET, SIZING_MISSING, CopySettings, Layer, effective
from kopitra.protocol.exchange import Reply
from kopitra.protocol.management import Role
from kopitra.protocol.messages import FieldError
from kopitra.protocol.parsing import invalid
from kopitra_functions.http.call import Call, gone, told
from kopitra_functions.http.change import Change
from kopitra_functions.http.endpoint import PAGING, Endpoint, Kind, Query, Route
from kopitra_functions.http.judging import read_rules
from kopitra_functions.http.lists import Listing, listed, only
from kopitra_functions.http.messages import Asked, Shown
from kopitra_functions.http.problems import Trouble, refused
from kopitra_functions.http.references import require_accounts
from kopitra_functions.http.rows import (
    current,
    edit,
    insert,
    known_tenant,
    of_tenant,
    refuse_taken,
    remove,
    require,
)
from kopitra_functions.http.texts import require_id, require_texts
from kopitra_functions.sql.tables import strategies, subscriptions

BY_ID = Listing("strategies", (strategies.c.strategy,))


class StrategyBody(Asked, frozen=True, kw_only=True):
    """`leader`: whose trades it is made for, if for one's. Editing it changes no subscription that was made by it."""

    name: str
    description: str = ""
    leader: str | None = None
    settings: CopySettings = NOTHING_SET
    enabled: bool = True


class NewStrategy(StrategyBody, frozen=True, kw_only=True):
    strategy: str


class StrategyView(Shown, frozen=True):
    strategy: str
    tenant: str
    name: str
    description: str
    leader: str | None
    settings: CopySettings
    enabled: bool
    updated_at: str
    updated_by: str | None
    version: int


class StrategyPage(Shown, frozen=True):
    items: list[StrategyView]
    cursor: str
    more: bool


def _view(row: RowMapping) -> StrategyView:
    return StrategyView(
        strategy=row["strategy"],
        tenant=row["tenant"],
        name=row["name"],
        description=row["description"] or "",
        leader=row["leader"],
        settings=read_rules(row["settings"]),
        enabled=row["enabled"],
        updated_at=rfc3339(row["updated_at"]),
        updated_by=row["updated_by"],
        version=row["version"],
    )


def _values(body: StrategyBody) -> dict[str, object]:
    """Raises Rejected: 422, where no subscription could use the settings."""
    require_texts(body, "name")
    alone = effective([(Layer.SUBSCRIPTION, body.settings)])
    wrong = [problem for problem in alone.problems if problem is not SIZING_MISSING]
    if wrong:
        raise invalid([FieldError(path=f"$.settings.{p.path}", message=p.message) for p in wrong])
    names = ("name", "description", "leader", "settings", "enabled")
    return {name: getattr(body, name) for name in names}


async def _list(call: Call) -> Reply:
    query = of_tenant(call, strategies).where(*only(call.query, {"leader": strategies.c.leader}))
    found = await call.read(lambda c: listed(c, query, BY_ID, call.query))
    return told(StrategyPage(items=found.told(_view), cursor=found.cursor, more=found.more))


async def _get(call: Call) -> Reply:
    row = await call.read(lambda c: require(c, call, strategies, strategy=call.params["strategy"]))
    return told(_view(row), version=row["version"])


async def _create(call: Call) -> Reply:
    body: NewStrategy = call.message
    require_id(body.strategy, "strategy")
    values = _values(body)

    def work(change: Change) -> Reply:
        tenant = known_tenant(change, call)
        refuse_taken(change, strategies, strategy=body.strategy)
        refuse_taken(change, strategies, tenant=tenant, name=body.name)
        if body.leader is not None:
            require_accounts(change, tenant, [body.leader], "$.leader")
        insert(change, strategies, {"strategy": body.strategy, "tenant": tenant} | values)
        change.audit("strategy.create", "strategy", body.strategy, tenant=tenant, detail=values)
        row = require(change.connection, call, strategies, strategy=body.strategy)
        return told(_view(row), status=201, version=row["version"])

    return await call.change(work)


async def _edit(call: Call) -> Reply:
    body: StrategyBody = call.message
    strategy, values = call.params["strategy"], _values(body)

    def work(change: Change) -> Reply:
        row = current(change, call, strategies, strategy=strategy)
        if body.name != row["name"]:
            refuse_taken(change, strategies, tenant=row["tenant"], name=body.name)
        if body.leader is not None:
            require_accounts(change, row["tenant"], [body.leader], "$.leader")
        version = edit(change, strategies, {"strategy": strategy}, call.expected, values)
        change.audit("strategy.edit", "strategy", strategy, tenant=row["tenant"], detail=values)
        edited = require(change.connection, call, strategies, strategy=strategy)
        return told(_view(edited), version=version)

    return await call.change(work)


async def _delete(call: Call) -> Reply:
    strategy = call.params["strategy"]

    def work(change: Change) -> Reply:
        row = current(change, call, strategies, strategy=strategy)
        of_it = (subscriptions.c.tenant == row["tenant"]) & (subscriptions.c.strategy == strategy)
        if change.connection.execute(select(1).select_from(subscriptions).where(of_it).limit(1)).first():
            raise refused(Trouble.IN_USE, "there are subscriptions that were made by it")
        remove(change, strategies, {"strategy": strategy}, call.expected)
        change.audit("strategy.delete", "strategy", strategy, tenant=row["tenant"])
        return gone()

    return await call.change(work)


ONE = "/strategies/{strategy}"
ROUTES = (
    Route(
        Endpoint(
            method="GET",
            path="/strategies",
            summary="Strategies by id.",
            role=Role.VIEWER,
            answers={200: (StrategyPage,)},
            query=(*PAGING, Query("leader", Kind.TEXT, "Only those for this account's trades.")),
        ),
        _list,
    ),
    Route(
        Endpoint(
            method="POST",
            path="/strategies",
            summary="Keep settings under a name.",
            role=Role.OPERATOR,
            body=(NewStrategy,),
            answers={201: (StrategyView,)},
        ),
        _create,
    ),
    Route(
        Endpoint(
            method="GET",
            path=ONE,
            summary="One strategy.",
            role=Role.VIEWER,
            answers={200: (StrategyView,)},
        ),
        _get,
    ),
    Route(
        Endpoint(
            method="PUT",
            path=ONE,
            summary="Edit a strategy; subscriptions that were made by it stay as they are.",
            role=Role.OPERATOR,
            body=(StrategyBody,),
            answers={200: (StrategyView,)},
            edits=True,
        ),
        _edit,
    ),
    Route(
        Endpoint(
            method="DELETE",
            path=ONE,
            summary="Remove a strategy by which no subscription was made.",
            role=Role.OPERATOR,
            answers={204: ()},
            edits=True,
        ),
        _delete,
    ),
)
