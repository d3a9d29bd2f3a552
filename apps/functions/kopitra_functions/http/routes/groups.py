"""Copy groups: leaders whose trades are offered together."""

from sqlalchemy import Connection, delete, select

from kopitra.domain.identifiers import AccountId, GroupId, TenantId
from kopitra.machine.commands import PublishGroup
from kopitra.protocol.exchange import Reply
from kopitra.protocol.management import Role
from kopitra.protocol.messages import FieldError
from kopitra.protocol.operations import GroupSettings
from kopitra.protocol.parsing import invalid
from kopitra_functions.http.call import Call, told
from kopitra_functions.http.change import Change
from kopitra_functions.http.endpoint import PAGING, Endpoint, Kind, Query, Route
from kopitra_functions.http.entitling import LEAD, require_entitled
from kopitra_functions.http.group_rows import GroupPage, GroupView, group_view, group_views
from kopitra_functions.http.judging import judge_group
from kopitra_functions.http.lists import Listing, listed
from kopitra_functions.http.messages import Asked
from kopitra_functions.http.references import require_accounts
from kopitra_functions.http.rows import (
    current,
    edit,
    insert,
    known_tenant,
    of_tenant,
    refuse_taken,
)
from kopitra_functions.http.texts import require_id, require_texts
from kopitra_functions.publishing.revisions import next_revision
from kopitra_functions.sql.tables import copy_groups, group_leaders

MAX_LEADERS = 200
"""All of them are in one message, and each open of a leader looks through its groups."""
BY_ID = Listing("copy-groups", (copy_groups.c.copy_group,))
OF_LEADER = Listing("copy-groups.leader", (group_leaders.c.copy_group,))


class GroupBody(Asked, frozen=True, kw_only=True):
    """`leaders`: account ids, in the order in which they are shown. `copies_of_copies`: whether what they copy from
    others is copied on."""

    name: str
    leaders: tuple[str, ...]
    enabled: bool = True
    copies_of_copies: bool = False


class NewGroup(GroupBody, frozen=True, kw_only=True):
    group: str


async def _list(call: Call) -> Reply:
    query, leader, listing = of_tenant(call, copy_groups), call.query.get("leader"), BY_ID
    if leader is not None:
        same = (copy_groups.c.copy_group == group_leaders.c.copy_group) & (
            copy_groups.c.tenant == group_leaders.c.tenant
        )
        query = (
            select(copy_groups)
            .select_from(group_leaders.join(copy_groups, same))
            .where(group_leaders.c.tenant == call.own_tenant, group_leaders.c.leader == leader)
        )
        listing = OF_LEADER

    def work(connection: Connection) -> GroupPage:
        found = listed(connection, query, listing, call.query)
        return GroupPage(
            items=group_views(connection, list(found.rows)), cursor=found.cursor, more=found.more
        )

    return told(await call.read(work))


async def _get(call: Call) -> Reply:
    view = await call.read(lambda c: group_view(c, call, call.params["group"]))
    return told(view, version=view.version)


async def _create(call: Call) -> Reply:
    body: NewGroup = call.message
    require_id(body.group, "group")
    _check(body)

    def work(change: Change) -> Reply:
        tenant = known_tenant(change, call)
        refuse_taken(change, copy_groups, copy_group=body.group)
        revision = next_revision(0, change.now)
        _judge(change, body.group, tenant, revision, body)
        refuse_taken(change, copy_groups, tenant=tenant, name=body.name)
        values = {"copy_group": body.group, "tenant": tenant, "revision": revision}
        insert(change, copy_groups, values | _values(body))
        return _publish(change, call, body.group, tenant, revision, body, "group.create", 201)

    return await call.change(work)


async def _edit(call: Call) -> Reply:
    body: GroupBody = call.message
    group = call.params["group"]
    _check(body)

    def work(change: Change) -> Reply:
        row = current(change, call, copy_groups, copy_group=group)
        tenant = row["tenant"]
        revision = next_revision(row["revision"], change.now)
        _judge(change, group, tenant, revision, body)
        if body.name != row["name"]:
            refuse_taken(change, copy_groups, tenant=tenant, name=body.name)
        values = _values(body) | {"revision": revision}
        edit(change, copy_groups, {"copy_group": group}, call.expected, values)
        return _publish(change, call, group, tenant, revision, body, "group.edit", 200)

    return await call.change(work)


def _check(body: GroupBody) -> None:
    require_texts(body, "name")
    problem = None
    if not body.leaders:
        problem = "name at least one account"
    elif len(body.leaders) > MAX_LEADERS:
        problem = f"at most {MAX_LEADERS}"
    elif len(set(body.leaders)) != len(body.leaders):
        problem = "names an account twice"
    if problem is not None:
        raise invalid([FieldError(path="$.leaders", message=problem)])


def _values(body: GroupBody) -> dict[str, object]:
    return {"name": body.name, "enabled": body.enabled, "copies_of_copies": body.copies_of_copies}


def _judge(change: Change, group: str, tenant: str, revision: int, body: GroupBody) -> None:
    require_accounts(change, tenant, body.leaders, "$.leaders")
    require_entitled(change, tenant, body.leaders, LEAD)
    command = PublishGroup(
        group=GroupId(group),
        tenant=TenantId(tenant),
        revision=revision,
        leaders=tuple(AccountId(leader) for leader in body.leaders),
        enabled=body.enabled,
        copies_of_copies=body.copies_of_copies,
    )
    judge_group(change.connection, command, change.now)


def _publish(
    change: Change,
    call: Call,
    group: str,
    tenant: str,
    revision: int,
    body: GroupBody,
    action: str,
    status: int,
) -> Reply:
    """Replace the leaders, tell the counterparty, and show the group."""
    change.connection.execute(delete(group_leaders).where(group_leaders.c.copy_group == group))
    change.connection.execute(
        group_leaders.insert(),
        [
            {"copy_group": group, "leader": leader, "tenant": tenant, "position": position}
            for position, leader in enumerate(body.leaders)
        ],
    )
    settings = GroupSettings(
        group=GroupId(group),
        leaders=tuple(AccountId(leader) for leader in body.leaders),
        enabled=body.enabled,
        copies_of_copies=body.copies_of_copies,
    )
    change.publish(settings, tenant=tenant, revision=revision)
    change.audit(action, "copy_group", group, tenant=tenant, detail=body)
    view = group_view(change.connection, call, group)
    return told(view, status=status, version=view.version)


def _endpoint(
    method: str, path: str, summary: str, status: int = 200, body: type[Asked] | None = None
) -> Endpoint:
    return Endpoint(
        method=method,
        path=path,
        summary=summary,
        role=Role.VIEWER if method == "GET" else Role.OPERATOR,
        body=(body,) if body is not None else (),
        answers={status: (GroupView,)},
        edits=method == "PUT",
    )


ROUTES = (
    Route(
        Endpoint(
            method="GET",
            path="/copy-groups",
            summary="Copy groups by id.",
            role=Role.VIEWER,
            answers={200: (GroupPage,)},
            query=(*PAGING, Query("leader", Kind.TEXT, "Only those that this account leads in.")),
        ),
        _list,
    ),
    Route(_endpoint("POST", "/copy-groups", "Make a copy group.", 201, NewGroup), _create),
    Route(_endpoint("GET", "/copy-groups/{group}", "One copy group."), _get),
    Route(
        _endpoint("PUT", "/copy-groups/{group}", "Edit a copy group and its leaders.", body=GroupBody), _edit
    ),
)
