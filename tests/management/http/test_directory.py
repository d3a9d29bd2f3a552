"""Tenants and users: a directory that grants nothing."""

from tests.management.http.configured import made
from tests.management.world import EVERYBODY, OTHER, Managed

USER = {"user": "u1", "subject": "olga", "name": "Olga", "roles": ["admin", "viewer"]}


async def test_a_user_is_entered_edited_and_removed(house: Managed):
    entered = await made(house, "/users", USER)
    assert entered.json["roles"] == ["admin", "viewer"]
    edited = await house.call(
        "PUT", "/users/u1", {"subject": "olga", "name": "Olga P.", "roles": ["operator"]}, version=1
    )
    assert (edited.status, edited.json["roles"]) == (200, ["operator"])
    listed = await house.call("GET", "/users")
    assert [item["name"] for item in listed.json["items"]] == ["Olga P."]
    assert (await house.call("GET", "/users/u1", tenant=OTHER)).status == 404
    assert (await house.call("DELETE", "/users/u1", version=2)).status == 204
    assert (await house.rows())["user_roles"] == []


async def test_a_role_in_the_directory_grants_nothing(house: Managed):
    await made(house, "/users", USER | {"subject": "vera"})
    vera = house.operator("viewer", subject="vera")
    assert (await house.call("GET", "/users", token=vera)).status == 403


async def test_operators_of_the_whole_platform_have_a_directory_of_their_own(house: Managed):
    await made(house, "/users", USER, EVERYBODY)
    theirs = await house.call("GET", "/users", tenant=EVERYBODY)
    assert [item["tenant"] for item in theirs.json["items"]] == ["*"]
    assert (await house.call("GET", "/users/u1")).status == 404
    assert (await house.call("GET", "/users")).json["items"] == []


async def test_tenants_are_for_operators_of_all_of_them(house: Managed):
    for method, path in (("GET", "/tenants"), ("POST", "/tenants")):
        body = {"tenant": "new", "name": "New"} if method == "POST" else None
        assert (await house.call(method, path, body)).status == 403
    await made(house, "/tenants", {"tenant": "new", "name": "New"}, EVERYBODY)
    renamed = await house.call("PUT", "/tenants/new", {"name": "Newer"}, version=1, tenant=EVERYBODY)
    assert (renamed.status, renamed.json["name"]) == (200, "Newer")
    account = {"account": "a", "label": "a"}
    assert (await house.call("POST", "/accounts?tenant=new", account, tenant=EVERYBODY)).status == 201


async def test_a_tenants_first_change_enters_it(house: Managed):
    await made(house, "/accounts", {"account": "a", "label": "a"}, OTHER)
    listed = await house.call("GET", "/tenants", tenant=EVERYBODY)
    assert [item["tenant"] for item in listed.json["items"]] == [OTHER]
