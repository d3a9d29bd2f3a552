"""Codes, passwords and channels' secrets: shown once or never, kept hashed or sealed."""

import sqlite3
from base64 import b64decode
from typing import Any

import msgspec
import pytest

from kopitra.application.ports.blobs import BlobsUnavailable
from kopitra.application.tokens import code_hash
from kopitra_functions.http.desk import catch_up
from kopitra_functions.publishing.channel_file import CHANNELS_BLOB, channel_context
from kopitra_functions.sql.tables import account_states
from tests.management.http.configured import account, made
from tests.management.operations.rows import filled
from tests.management.world import OTHER, Managed


def everything_in(house: Managed) -> str:
    """The database as text, whatever the table."""
    connection = sqlite3.connect(house.file)
    dump = "\n".join(connection.iterdump())
    connection.close()
    return dump


async def test_a_code_is_shown_once_and_kept_as_a_hash(house: Managed):
    await account(house, "a")
    issued = await made(house, "/accounts/a/enrolment-codes", {})
    code = issued.json["code"]
    assert len(code) >= 22, "128 bits in base64"
    assert code not in everything_in(house)
    [shown] = (await house.call("GET", "/enrolment-codes?account=a")).json["items"]
    assert (shown["status"], "code" in shown) == ("issued", False)
    published = (await house.published())[-1]["parameters"]
    assert published["enrolmentCodeHash"] == code_hash(code)
    assert published["enrolmentExpiresAt"] == issued.json["expiresAt"].replace(".000Z", "Z")


async def test_a_repeat_of_the_request_shows_the_same_code_and_issues_no_other(house: Managed):
    await account(house, "a")
    first = await house.call("POST", "/accounts/a/enrolment-codes", {}, key="once")
    again = await house.call("POST", "/accounts/a/enrolment-codes", {}, key="once")
    assert (again.status, again.json) == (201, first.json)
    assert again.headers["idempotent-replayed"] == "true"
    assert len((await house.call("GET", "/enrolment-codes")).json["items"]) == 1


async def test_a_new_code_takes_the_place_of_the_one_before(house: Managed):
    await account(house, "a")
    await made(house, "/accounts/a/enrolment-codes", {})
    house.clock.advance(1)
    second = await made(house, "/accounts/a/enrolment-codes", {"expiresInHours": 1})
    listed = (await house.call("GET", "/enrolment-codes?account=a")).json["items"]
    assert [item["status"] for item in listed] == ["issued", "superseded"]
    edit = await house.call("PUT", "/accounts/a", {"label": "x"}, version=3)
    assert edit.status == 200
    last = (await house.published())[-1]["parameters"]
    assert last["enrolmentCodeHash"] == code_hash(second.json["code"]), "an edit keeps the open code"
    house.clock.advance(3600)
    await house.call("PUT", "/accounts/a", {"label": "y"}, version=4)
    assert "enrolmentCodeHash" not in (await house.published())[-1]["parameters"], "it has run out"


async def test_a_code_is_revoked_once(house: Managed):
    await account(house, "a")
    issued = await made(house, "/accounts/a/enrolment-codes", {})
    path = f"/enrolment-codes/{issued.json['codeId']}"
    assert (await house.call("DELETE", path, version=1, tenant=OTHER)).status == 404
    revoked = await house.call("DELETE", path, version=1)
    assert (revoked.status, revoked.json["status"]) == (200, "revoked")
    assert "enrolmentCodeHash" not in (await house.published())[-1]["parameters"]
    again = await house.call("DELETE", path, version=2)
    assert (again.status, again.json["code"]) == (409, "not_possible")


async def test_a_code_that_let_a_device_in_is_used_and_is_not_published_again(house: Managed):
    await account(house, "a")
    issued = await made(house, "/accounts/a/enrolment-codes", {})
    house.clock.advance(60)
    told = {"account": "a", "device": "vps", "enrolled_at": house.clock.now()}
    row = filled(account_states, told)
    await house.database.write(lambda c: c.execute(account_states.insert().values(row)))
    [shown] = (await house.call("GET", "/enrolment-codes")).json["items"]
    assert (shown["status"], shown["device"]) == ("used", "vps")
    await house.call("PUT", "/accounts/a", {"label": "x"}, version=2)
    assert "enrolmentCodeHash" not in (await house.published())[-1]["parameters"]
    late = await house.call("DELETE", f"/enrolment-codes/{issued.json['codeId']}", version=1)
    assert (late.status, late.json["code"]) == (409, "not_possible")


async def test_a_device_is_shut_out_and_let_in_again(house: Managed):
    await account(house, "a")
    for _ in range(2):
        answer = await made(house, "/accounts/a/devices/vps-1/revoke", None)
        assert answer.json["revokedDevices"] == ["vps-1"]
    assert len(await house.published()) == 2
    assert (await house.published())[-1]["parameters"]["revokedDevices"] == ["vps-1"]
    answer = await made(house, "/accounts/a/devices/vps-1/readmit", None)
    assert answer.json["revokedDevices"] == []


@pytest.mark.parametrize("hours", [0, -1, 721, 10**12])
async def test_a_code_lives_from_an_hour_to_thirty_days(house: Managed, hours: int):
    await account(house, "a")
    answer = await house.call("POST", "/accounts/a/enrolment-codes", {"expiresInHours": hours})
    assert (answer.status, answer.json["errors"][0]["path"]) == (422, "$.expiresInHours")


async def test_a_brokers_password_is_taken_and_never_given(house: Managed):
    await account(house, "a")
    path = "/accounts/a/credentials"
    none = await house.call("GET", path)
    assert (none.json["present"], none.headers["etag"]) == (False, '"0"')
    body = {"login": 7, "server": "First-Live", "password": "correct horse battery"}
    kept = await house.call("PUT", path, body, version=0)
    assert (kept.status, kept.json["present"]) == (200, True)
    read = await house.call("GET", path)
    for answer in (kept, read):
        assert b"horse" not in answer.body
    assert "horse" not in everything_in(house)
    rows = await house.rows()
    [row] = rows["broker_credentials"]
    [sealed] = [value for value in row if isinstance(value, bytes)]
    assert await house.world.cipher.open(sealed, context="acme\x1fa") == b"correct horse battery"
    assert (await house.call("PUT", path, body, version=0)).status == 412
    assert (await house.call("DELETE", path, version=1)).status == 204
    assert (await house.call("GET", path)).json["present"] is False


async def channels_in_blob(house: Managed) -> list[Any]:
    return msgspec.json.decode(await house.world.blobs.get(CHANNELS_BLOB))["channels"]


async def test_channels_are_in_a_blob_for_whoever_tells_people_with_their_secrets_sealed(house: Managed):
    new = {"channel": "ops", "name": "Operations", "kind": "webhook", "address": "https://example.org/hook"}
    await made(house, "/notification-channels", new | {"topics": ["incident.opened"]})
    secret = await house.call("PUT", "/notification-channels/ops/secret", {"secret": "hush now"}, version=1)
    assert (secret.status, secret.json["hasSecret"]) == (200, True)
    [entry] = await channels_in_blob(house)
    assert (entry["target"], entry["topics"], entry["tenant"]) == (
        "https://example.org/hook",
        ["incident.opened"],
        "acme",
    )
    context = channel_context("acme", "ops")
    assert await house.world.cipher.open(b64decode(entry["sealed"]), context=context) == b"hush now"
    assert "hush now" not in everything_in(house)
    body = {name: value for name, value in new.items() if name != "channel"} | {"enabled": False}
    edited = await house.call("PUT", "/notification-channels/ops", body, version=2)
    assert (edited.json["enabled"], edited.json["hasSecret"]) == (False, True)
    dropped = await house.call("DELETE", "/notification-channels/ops/secret", version=3)
    assert (dropped.status, dropped.json["hasSecret"]) == (200, False)
    assert (await house.call("DELETE", "/notification-channels/ops", version=4)).status == 204
    assert await channels_in_blob(house) == []


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("webhook", "http://example.org/hook"),
        ("webhook", "https://user:word@example.org"),
        ("webhook", "ftp://example.org"),
        ("email", "nobody"),
        ("email", "a@b, c@d"),
        ("sms", "1"),
    ],
)
async def test_a_channel_has_an_address_that_can_be_used(house: Managed, kind: str, address: str):
    body = {"channel": "c", "name": "c", "kind": kind, "address": address}
    assert (await house.call("POST", "/notification-channels", body)).status == 422


async def test_a_blob_that_could_not_be_written_is_made_good_when_sql_is_found_awake(
    house: Managed, monkeypatch: pytest.MonkeyPatch
):
    async def away(*_: Any, **__: Any) -> None:
        raise BlobsUnavailable("away")

    with monkeypatch.context() as patch:
        patch.setattr(house.world.blobs, "put", away)
        new = {"channel": "ops", "name": "Ops", "kind": "email", "address": "ops@example.org"}
        await made(house, "/notification-channels", new)
    assert await house.world.blobs.find(CHANNELS_BLOB) is None
    await catch_up(house.desk)
    assert [entry["channel"] for entry in await channels_in_blob(house)] == ["ops"]
