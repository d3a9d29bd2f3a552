"""Brokers are made, read, edited and removed; the frame's promises, on its smallest resource."""

from tests.management.world import EVERYBODY, OTHER, Managed

BROKER = {"broker": "b1", "name": "First Broker", "platform": "mt5", "servers": ["First-Live"]}


async def test_a_broker_is_made_read_listed_edited_and_removed(house: Managed):
    made = await house.call("POST", "/brokers", BROKER)
    assert (made.status, made.headers["etag"]) == (201, '"1"'), made
    read = await house.call("GET", "/brokers/b1", role="viewer")
    assert (read.status, read.json) == (200, made.json)
    edited = await house.call("PUT", "/brokers/b1", {"name": "Renamed"}, version=1)
    assert (edited.status, edited.headers["etag"], edited.json["name"]) == (200, '"2"', "Renamed")
    listed = await house.call("GET", "/brokers")
    assert ([item["name"] for item in listed.json["items"]], listed.json["more"]) == (["Renamed"], False)
    gone = await house.call("DELETE", "/brokers/b1", version=2)
    assert (gone.status, gone.body) == (204, b"")
    assert (await house.call("GET", "/brokers/b1")).status == 404


async def test_a_key_gives_the_first_answer_again_and_refuses_another_body(house: Managed):
    first = await house.call("POST", "/brokers", BROKER, key="once")
    again = await house.call("POST", "/brokers", BROKER, key="once")
    assert (again.status, again.json) == (201, first.json)
    assert again.headers["idempotent-replayed"] == "true"
    other = await house.call("POST", "/brokers", BROKER | {"broker": "b2"}, key="once")
    assert (other.status, other.json["code"]) == (422, "idempotency_key_reused")
    other_operator = house.operator(subject="ivan")
    assert (await house.call("POST", "/brokers", BROKER, key="once", token=other_operator)).status == 409
    house.clock.advance(24 * 3600)
    assert (await house.call("POST", "/brokers", BROKER, key="once")).status == 409


async def test_a_refused_request_leaves_no_key_behind(house: Managed):
    await house.call("POST", "/brokers", BROKER)
    taken = await house.call("POST", "/brokers", BROKER, key="again")
    assert (taken.status, taken.json["code"]) == (409, "already_exists")
    assert (await house.call("DELETE", "/brokers/b1", version=1)).status == 204
    assert (await house.call("POST", "/brokers", BROKER, key="again")).status == 201


async def test_an_edit_needs_the_version_that_was_read(house: Managed):
    await house.call("POST", "/brokers", BROKER)
    missing = await house.call("PUT", "/brokers/b1", {"name": "x"})
    assert (missing.status, missing.json["code"]) == (428, "if_match_missing")
    for tag in ("1", "*", 'W/"1"', '"x"', '"1", "2"'):
        wrong = await house.call("PUT", "/brokers/b1", {"name": "x"}, If_Match=tag)
        assert (wrong.status, wrong.json["code"]) == (400, "if_match_invalid")
    for version in (0, 2):
        late = await house.call("PUT", "/brokers/b1", {"name": "x"}, version=version)
        assert (late.status, late.json["code"]) == (412, "version_changed")
    assert (await house.call("GET", "/brokers/b1")).json["version"] == 1


async def test_pages_follow_one_another_by_cursor(house: Managed):
    for number in range(5):
        body = BROKER | {"broker": f"b{number}", "name": f"Broker {number}"}
        assert (await house.call("POST", "/brokers", body)).status == 201
    seen: list[str] = []
    cursor = ""
    while True:
        answer = await house.call("GET", f"/brokers?limit=2{cursor}")
        seen += [item["broker"] for item in answer.json["items"]]
        if not answer.json["more"]:
            break
        cursor = f"&cursor={answer.json['cursor']}"
    assert seen == [f"b{number}" for number in range(5)]
    foreign = await house.call("GET", "/brokers?cursor=bm9uZQ")
    assert (foreign.status, foreign.json["code"]) == (400, "query_invalid")


async def test_an_operator_of_all_tenants_names_one_for_lists_and_for_what_is_new(house: Managed):
    await house.call("POST", "/brokers", BROKER)
    assert (await house.call("GET", "/brokers", tenant=EVERYBODY)).json["code"] == "tenant_missing"
    listed = await house.call("GET", "/brokers?tenant=acme", tenant=EVERYBODY)
    assert [item["broker"] for item in listed.json["items"]] == ["b1"]
    assert (await house.call("GET", "/brokers/b1", tenant=EVERYBODY)).status == 200
    new = BROKER | {"broker": "b2", "name": "Second"}
    assert (await house.call("POST", "/brokers", new, tenant=EVERYBODY)).json["code"] == "tenant_missing"
    assert (await house.call("POST", "/brokers?tenant=acme", new, tenant=EVERYBODY)).status == 201
    unknown = await house.call("POST", "/brokers?tenant=nobody", new | {"broker": "b3"}, tenant=EVERYBODY)
    assert (unknown.status, unknown.json["code"]) == (422, "reference_unknown")


async def test_another_tenants_broker_does_not_exist(house: Managed):
    await house.call("POST", "/brokers", BROKER)
    assert (await house.call("GET", "/brokers/b1", tenant=OTHER)).status == 404
    assert (await house.call("DELETE", "/brokers/b1", tenant=OTHER, version=1)).status == 404
    assert (await house.call("GET", "/brokers", tenant=OTHER)).json["items"] == []
    named = await house.call("GET", "/brokers?tenant=acme", tenant=OTHER)
    assert (named.status, named.json["code"]) == (403, "tenant_forbidden")


async def test_every_change_is_audited_in_its_transaction(house: Managed):
    await house.call("POST", "/brokers", BROKER, X_TradeAgent_Request_ID="r-1")
    await house.call("POST", "/brokers", BROKER)
    rows = await house.rows()
    [entry] = rows["audit"]
    assert {"acme", "olga", "broker.create", "broker", "b1", "r-1", "management"} <= {
        each for each in entry if isinstance(each, str)
    }
