"""Subscriptions: who follows which group by which rules; every version of them is kept."""

from typing import Any

from sqlalchemy import Connection, Select, select

from kopitra.domain.identifiers import AccountId, GroupId, SubscriptionId, TenantId
from kopitra.domain.settings import NOTHING_SET, CopySettings
from kopitra.machine.commands import PublishSubscription
from kopitra.protocol.exchange import Reply
from kopitra.protocol.management import Role
from kopitra.protocol.operations import SubscriptionSettings
from kopitra_functions.http.call import Call, told
from kopitra_functions.http.change import Change
from kopitra_functions.http.endpoint import PAGING, Endpoint, Kind, Query, Route
from kopitra_functions.http.entitling import FOLLOW, require_entitled
from kopitra_functions.http.judging import judge_subscription, read_rules
from kopitra_functions.http.lists import Listing, listed, newest_first, only
from kopitra_functions.http.messages import Asked
from kopitra_functions.http.references import require_accounts, require_groups, require_strategy
from kopitra_functions.http.rows import (
    current,
    edit,
    insert,
    known_tenant,
    of_tenant,
    refuse_taken,
    require,
)
from kopitra_functions.http.subscription_rows import (
    SubscriptionHistory,
    SubscriptionPage,
    SubscriptionView,
    subscription_view,
    version_view,
)
from kopitra_functions.http.texts import require_id
from kopitra_functions.publishing.revisions import next_revision
from kopitra_functions.sql.tables import strategies, subscription_versions, subscriptions

BY_ID = Listing("subscriptions", (subscriptions.c.subscription,))
VERSIONS = newest_first("subscription-versions", subscription_versions.c.version)


class SubscriptionBody(Asked, frozen=True, kw_only=True):
    """`rules`: its own layer of settings."""

    rules: CopySettings = NOTHING_SET
    strategy: str | None = None
    enabled: bool = True


class NewSubscription(SubscriptionBody, frozen=True, kw_only=True):
    """It stays this follower's in this group for good. With a strategy and no rules it takes the strategy's."""

    subscription: str
    group: str
    follower: str


def statement(call: Call) -> Select[Any]:
    """The list that is asked for."""
    table = subscriptions.c
    filters = {
        "group": table.copy_group,
        "follower": table.follower,
        "strategy": table.strategy,
        "enabled": table.enabled,
    }
    return of_tenant(call, subscriptions).where(*only(call.query, filters))


async def _list(call: Call) -> Reply:
    query = statement(call)
    found = await call.read(lambda c: listed(c, query, BY_ID, call.query))
    return told(SubscriptionPage(items=found.told(subscription_view), cursor=found.cursor, more=found.more))


async def _get(call: Call) -> Reply:
    wanted = call.params["subscription"]
    row = await call.read(lambda c: require(c, call, subscriptions, subscription=wanted))
    return told(subscription_view(row), version=row["version"])


async def _history(call: Call) -> Reply:
    wanted = call.params["subscription"]

    def work(connection: Connection) -> SubscriptionHistory:
        owner = require(connection, call, subscriptions, subscription=wanted)
        table = subscription_versions.c
        query = select(subscription_versions).where(
            table.tenant == owner["tenant"], table.subscription == wanted
        )
        found = listed(connection, query, VERSIONS, call.query)
        return SubscriptionHistory(items=found.told(version_view), cursor=found.cursor, more=found.more)

    return told(await call.read(work))


async def _create(call: Call) -> Reply:
    body: NewSubscription = call.message
    require_id(body.subscription, "subscription")

    def work(change: Change) -> Reply:
        tenant = known_tenant(change, call)
        refuse_taken(change, subscriptions, subscription=body.subscription)
        require_groups(change, tenant, [body.group], "$.group")
        require_accounts(change, tenant, [body.follower], "$.follower")
        require_strategy(change, tenant, body.strategy)
        rules = body.rules
        if rules == NOTHING_SET and body.strategy is not None:
            template = require(change.connection, call, strategies, strategy=body.strategy)
            rules = read_rules(template["settings"])
        row = {
            "subscription": body.subscription,
            "tenant": tenant,
            "copy_group": body.group,
            "follower": body.follower,
            "strategy": body.strategy,
            "enabled": body.enabled,
            "rules": rules,
            "revision": next_revision(0, change.now),
        }
        _judge(change, row)
        insert(change, subscriptions, row)
        return _publish(change, call, body.subscription, "subscription.create", 201)

    return await call.change(work)


async def _edit(call: Call) -> Reply:
    body: SubscriptionBody = call.message
    wanted = call.params["subscription"]

    def work(change: Change) -> Reply:
        row = current(change, call, subscriptions, subscription=wanted)
        require_strategy(change, row["tenant"], body.strategy)
        values = {
            "strategy": body.strategy,
            "enabled": body.enabled,
            "rules": body.rules,
            "revision": next_revision(row["revision"], change.now),
        }
        _judge(change, dict(row) | values)
        edit(change, subscriptions, {"subscription": wanted}, call.expected, values)
        return _publish(change, call, wanted, "subscription.edit", 200)

    return await call.change(work)


def _judge(change: Change, row: dict[str, Any]) -> None:
    if row["enabled"]:
        require_entitled(change, row["tenant"], [row["follower"]], FOLLOW)
    command = PublishSubscription(
        subscription=SubscriptionId(row["subscription"]),
        tenant=TenantId(row["tenant"]),
        revision=row["revision"],
        group=GroupId(row["copy_group"]),
        follower=AccountId(row["follower"]),
        rules=row["rules"],
        enabled=row["enabled"],
    )
    judge_subscription(change.connection, command, change.now)


def _publish(change: Change, call: Call, wanted: str, action: str, status: int) -> Reply:
    """Keep this version, tell the counterparty, and show the subscription."""
    row = require(change.connection, call, subscriptions, subscription=wanted)
    view = subscription_view(row)
    kept = ("subscription", "version", "tenant", "copy_group", "follower", "strategy", "enabled", "revision")
    change.connection.execute(
        subscription_versions.insert().values(
            **{name: row[name] for name in kept},
            rules=view.rules,
            changed_at=change.now,
            changed_by=change.subject,
            request_id=change.request_id,
        )
    )
    settings = SubscriptionSettings(
        subscription=SubscriptionId(wanted),
        group=GroupId(row["copy_group"]),
        follower=AccountId(row["follower"]),
        rules=view.rules,
        enabled=row["enabled"],
    )
    change.publish(settings, tenant=row["tenant"], revision=row["revision"], account=row["follower"])
    detail = {"version": row["version"], "enabled": row["enabled"], "rules": view.rules}
    change.audit(action, "subscription", wanted, tenant=row["tenant"], account=row["follower"], detail=detail)
    return told(view, status=status, version=row["version"])


FILTERS = (
    Query("group", Kind.TEXT, "Only those in this group."),
    Query("follower", Kind.TEXT, "Only this account's."),
    Query("strategy", Kind.TEXT, "Only those that were made by this strategy."),
    Query("enabled", Kind.FLAG, "Only those that are enabled, or not."),
)
LIST = Endpoint(
    method="GET",
    path="/subscriptions",
    summary="Subscriptions by id.",
    role=Role.VIEWER,
    answers={200: (SubscriptionPage,)},
    query=(*PAGING, *FILTERS),
)
ONE = "/subscriptions/{subscription}"
ROUTES = (
    Route(LIST, _list),
    Route(
        Endpoint(
            method="POST",
            path="/subscriptions",
            summary="Let an account follow a group.",
            role=Role.OPERATOR,
            body=(NewSubscription,),
            answers={201: (SubscriptionView,)},
        ),
        _create,
    ),
    Route(
        Endpoint(
            method="GET",
            path=ONE,
            summary="One subscription.",
            role=Role.VIEWER,
            answers={200: (SubscriptionView,)},
        ),
        _get,
    ),
    Route(
        Endpoint(
            method="PUT",
            path=ONE,
            summary="Change its rules, or switch it on or off.",
            role=Role.OPERATOR,
            body=(SubscriptionBody,),
            answers={200: (SubscriptionView,)},
            edits=True,
        ),
        _edit,
    ),
    Route(
        Endpoint(
            method="GET",
            path=f"{ONE}/versions",
            summary="Every version that there was, newest first.",
            role=Role.VIEWER,
            answers={200: (SubscriptionHistory,)},
            query=PAGING,
        ),
        _history,
    ),
)
