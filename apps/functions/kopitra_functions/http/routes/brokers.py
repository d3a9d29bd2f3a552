"""Brokers, as accounts refer to them."""

from sqlalchemy import select
from sqlalchemy.engine import RowMapping

from kopitra.domain.instants import rfc3339
from kopitra.protocol.exchange import Reply
from kopitra.protocol.management import Role
from kopitra_functions.http.call import Call, gone, told
from kopitra_functions.http.change import Change
from kopitra_functions.http.endpoint import PAGING, Endpoint, Route
from kopitra_functions.http.lists import Listing, listed
from kopitra_functions.http.messages import Asked, Shown
from kopitra_functions.http.problems import Trouble, refused
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
from kopitra_functions.sql.tables import accounts, brokers

BROKERS = Listing("brokers", (brokers.c.broker,))


class BrokerBody(Asked, frozen=True):
    """`servers`: names of its trade servers. `platform`: mt4, mt5, or another's name."""

    name: str
    platform: str | None = None
    servers: tuple[str, ...] = ()


class NewBroker(BrokerBody, frozen=True, kw_only=True):
    broker: str


class BrokerView(Shown, frozen=True):
    broker: str
    tenant: str
    name: str
    platform: str | None
    servers: list[str]
    updated_at: str
    updated_by: str | None
    version: int


class BrokerPage(Shown, frozen=True):
    items: list[BrokerView]
    cursor: str
    more: bool


def _view(row: RowMapping) -> BrokerView:
    return BrokerView(
        broker=row["broker"],
        tenant=row["tenant"],
        name=row["name"],
        platform=row["platform"],
        servers=row["servers"] or [],
        updated_at=rfc3339(row["updated_at"]),
        updated_by=row["updated_by"],
        version=row["version"],
    )


def _values(body: BrokerBody) -> dict[str, object]:
    require_texts(body, "name")
    return {"name": body.name, "platform": body.platform, "servers": list(body.servers)}


async def _list(call: Call) -> Reply:
    found = await call.read(lambda c: listed(c, of_tenant(call, brokers), BROKERS, call.query))
    return told(BrokerPage(items=found.told(_view), cursor=found.cursor, more=found.more))


async def _get(call: Call) -> Reply:
    row = await call.read(lambda c: require(c, call, brokers, broker=call.params["broker"]))
    return told(_view(row), version=row["version"])


async def _create(call: Call) -> Reply:
    body: NewBroker = call.message
    require_id(body.broker, "broker")
    values = _values(body)

    def work(change: Change) -> Reply:
        tenant = known_tenant(change, call)
        refuse_taken(change, brokers, broker=body.broker)
        refuse_taken(change, brokers, tenant=tenant, name=body.name)
        insert(change, brokers, {"broker": body.broker, "tenant": tenant, **values})
        change.audit("broker.create", "broker", body.broker, tenant=tenant, detail=values)
        row = require(change.connection, call, brokers, broker=body.broker)
        return told(_view(row), status=201, version=row["version"])

    return await call.change(work)


async def _edit(call: Call) -> Reply:
    broker, values = call.params["broker"], _values(call.message)

    def work(change: Change) -> Reply:
        row = current(change, call, brokers, broker=broker)
        if values["name"] != row["name"]:
            refuse_taken(change, brokers, tenant=row["tenant"], name=values["name"])
        version = edit(change, brokers, {"broker": broker}, call.expected, values)
        change.audit("broker.edit", "broker", broker, tenant=row["tenant"], detail=values)
        return told(_view(require(change.connection, call, brokers, broker=broker)), version=version)

    return await call.change(work)


async def _delete(call: Call) -> Reply:
    broker = call.params["broker"]

    def work(change: Change) -> Reply:
        row = current(change, call, brokers, broker=broker)
        of_it = (accounts.c.tenant == row["tenant"]) & (accounts.c.broker == broker)
        if change.connection.execute(select(1).select_from(accounts).where(of_it).limit(1)).first():
            raise refused(Trouble.IN_USE, f"there are accounts at {broker}")
        remove(change, brokers, {"broker": broker}, call.expected)
        change.audit("broker.delete", "broker", broker, tenant=row["tenant"])
        return gone()

    return await call.change(work)


ROUTES = (
    Route(
        Endpoint(
            method="GET",
            path="/brokers",
            summary="Brokers by id.",
            role=Role.VIEWER,
            answers={200: (BrokerPage,)},
            query=PAGING,
        ),
        _list,
    ),
    Route(
        Endpoint(
            method="POST",
            path="/brokers",
            summary="Enter a broker.",
            role=Role.ADMIN,
            body=(NewBroker,),
            answers={201: (BrokerView,)},
        ),
        _create,
    ),
    Route(
        Endpoint(
            method="GET",
            path="/brokers/{broker}",
            summary="One broker.",
            role=Role.VIEWER,
            answers={200: (BrokerView,)},
        ),
        _get,
    ),
    Route(
        Endpoint(
            method="PUT",
            path="/brokers/{broker}",
            summary="Edit a broker.",
            role=Role.ADMIN,
            body=(BrokerBody,),
            answers={200: (BrokerView,)},
            edits=True,
        ),
        _edit,
    ),
    Route(
        Endpoint(
            method="DELETE",
            path="/brokers/{broker}",
            summary="Remove a broker that no account refers to.",
            role=Role.ADMIN,
            answers={204: ()},
            edits=True,
        ),
        _delete,
    ),
)
