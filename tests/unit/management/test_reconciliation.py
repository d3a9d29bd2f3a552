"""The queue of proposed corrections, as operators see it and decide it over HTTP."""

import msgspec

from kopitra.domain.identifiers import AccountId
from kopitra.domain.rules import Corrections
from kopitra.domain.settings import CopySettings
from kopitra.domain.sizing_modes import SameVolume
from kopitra.domain.telemetry import HeldPosition, PositionSnapshot
from kopitra.machine import commands
from kopitra.simulation.virtual_time import VirtualTime, run_virtual
from tests.unit.copying.world import GROUP, TENANT, World
from tests.unit.counterparty.house import FOLLOWER, Answer, Ea, House

APPROVING = CopySettings(sizing=SameVolume(), corrections=Corrections.APPROVE)


async def with_proposals(time: VirtualTime) -> House:
    """A follower with two copies whose stops somebody took off."""
    house = await House(time).serving()
    await house.group()
    await house.submit(
        commands.PublishSubscription(
            subscription=f"sub-{FOLLOWER}",  # type: ignore[arg-type]
            tenant=TENANT,
            revision=1000,
            group=GROUP,
            follower=FOLLOWER,
            rules=APPROVING,
        )
    )
    leader, follower = await house.ea("leader"), await house.ea(FOLLOWER)
    for number, ref in enumerate(("p1", "p2")):
        await leader.signal(ref, stopLoss="1.05")
        await fill(follower, 501 + number)
    for _ in range(2):
        await house.submit(
            commands.TakeSnapshot(account=FOLLOWER, snapshot=without_stops(house), digest="stopless")
        )
        await time.sleep(6)
    return house


async def fill(follower: Ea, position: int) -> None:
    """Carry out the open that is pending and report it."""
    page = (await follower.poll()).json
    [event] = [e for e in page["events"] if e["eventType"] == "trade.started"]
    order = event["payload"]
    execution = {
        "commandId": order["commandId"],
        "status": "filled",
        "entry": "in",
        "reason": "expert",
        "symbol": order["symbol"],
        "side": order["side"],
        "orderTicket": position,
        "dealId": position,
        "positionId": position,
        "fillVolume": order["volume"],
        "fillPrice": "1.1",
        "executedAt": "2026-01-05T08:00:00Z",
    }
    assert (await follower.call("POST", "/executions", execution)).status == 200
    assert (await follower.ack(event["eventId"])).status == 202


def without_stops(house: House) -> PositionSnapshot:
    state = house.service.core.engine.state
    held: list[HeldPosition] = [
        World().held(copy.position_id or 0, "1.00", magic=copy.magic)
        for copy in state.accounts[FOLLOWER].following.copies.values()
    ]
    return PositionSnapshot(
        login=77,
        server="Broker",
        connected=True,
        synchronised=True,
        snapshot_id="s",
        positions=held,
        applied_through=state.sequence,
    )


async def ask(
    house: House, method: str, path: str, role: str = "operator", key: str = "k1", body: object = None
) -> Answer:
    headers = {"Authorization": f"Bearer {house.operator(role)}"}
    if method == "POST":
        headers["Idempotency-Key"] = key
    return await house.call(method, path, msgspec.json.encode(body) if body is not None else None, headers)


async def decide(
    house: House, *decisions: tuple[str, bool], role: str = "operator", key: str = "k1"
) -> Answer:
    body = {"decisions": [{"proposalId": name, "approve": approve} for name, approve in decisions]}
    return await ask(house, "POST", "/reconciliation/decide", role, key, body)


def test_proposals_are_listed_page_by_page() -> None:
    async def main(time: VirtualTime) -> None:
        house = await with_proposals(time)
        whole = (await ask(house, "GET", "/reconciliation", "viewer")).json
        assert [p["kind"] for p in whole["proposals"]] == ["stops", "stops"]
        assert whole["proposals"][0]["order"]["stopLoss"] == "1.05000"
        assert not whole["more"]
        first = (await ask(house, "GET", "/reconciliation?limit=1", "viewer")).json
        assert first["more"]
        rest = (await ask(house, "GET", f"/reconciliation?cursor={first['cursor']}", "viewer")).json
        assert first["proposals"] + rest["proposals"] == whole["proposals"]
        other = (await ask(house, "GET", "/reconciliation?account=leader", "viewer")).json
        assert other["proposals"] == []
        assert (await ask(house, "GET", "/reconciliation?cursor=7", "viewer")).status == 400

    run_virtual(1, main)


def test_an_approval_is_journaled_with_its_operator_and_repeats_its_answer() -> None:
    async def main(time: VirtualTime) -> None:
        house = await with_proposals(time)
        page = (await ask(house, "GET", "/reconciliation")).json
        path = f"/reconciliation/{page['proposals'][0]['proposal']}/approve"
        first = await ask(house, "POST", path)
        assert (first.status, first.json["status"]) == (200, "approved")
        again = await ask(house, "POST", path)
        assert again.body == first.body
        assert again.headers["idempotent-replayed"] == "true"
        state = house.service.core.engine.state
        orders = [item.order for item in state.accounts[FOLLOWER].outbox.values() if item.order is not None]
        assert [order.action for order in orders] == ["modify"]
        changes = (await ask(house, "GET", "/changes?limit=500", "viewer")).json["changes"]
        decided = [c for c in changes if c["messageType"] == "correction.decided"]
        assert [(c["actor"], c["payload"]["approved"]) for c in decided] == [(decided[0]["actor"], True)]
        assert decided[0]["payload"]["subject"]
        assert (await ask(house, "POST", path, key="k2")).status == 404

    run_virtual(1, main)


def test_a_rejection_does_nothing_and_takes_the_proposal_away() -> None:
    async def main(time: VirtualTime) -> None:
        house = await with_proposals(time)
        page = (await ask(house, "GET", "/reconciliation")).json
        path = f"/reconciliation/{page['proposals'][0]['proposal']}/reject"
        answer = await ask(house, "POST", path)
        assert (answer.status, answer.json["status"]) == (200, "rejected")
        left = (await ask(house, "GET", "/reconciliation")).json
        assert left["proposals"] == page["proposals"][1:]
        assert house.service.core.engine.state.accounts[FOLLOWER].commands == {}

    run_virtual(1, main)


def test_several_are_decided_at_once_each_on_its_own() -> None:
    async def main(time: VirtualTime) -> None:
        house = await with_proposals(time)
        page = (await ask(house, "GET", "/reconciliation")).json
        first, second = (proposal["proposal"] for proposal in page["proposals"])
        asked = ((first, True), ("x-unknown", True), (second, False), (first, False))
        answer = await decide(house, *asked)
        assert answer.status == 200
        told = answer.json["decisions"]
        assert [(d["proposalId"], d["status"], d["code"]) for d in told] == [
            (first, "approved", None),
            ("x-unknown", "refused", "proposal_unknown"),
            (second, "rejected", None),
            (first, "refused", "proposal_unknown"),
        ]
        assert told[0]["sequence"] < told[2]["sequence"]
        state = house.service.core.engine.state
        orders = [item.order for item in state.accounts[FOLLOWER].outbox.values() if item.order is not None]
        assert [order.action for order in orders] == ["modify"]
        assert (await ask(house, "GET", "/reconciliation")).json["proposals"] == []
        before = state.sequence
        again = await decide(house, *asked)
        assert (again.body, again.headers["idempotent-replayed"]) == (answer.body, "true")
        assert state.sequence == before
        changes = (await ask(house, "GET", "/changes?limit=500", "viewer")).json["changes"]
        assert sum(c["messageType"] == "correction.decided" for c in changes) == 2

    run_virtual(1, main)


def test_a_batch_of_decisions_is_bounded_and_an_operators() -> None:
    async def main(time: VirtualTime) -> None:
        house = await with_proposals(time)
        page = (await ask(house, "GET", "/reconciliation")).json
        known = page["proposals"][0]["proposal"]
        before = house.service.core.engine.state.sequence
        for decisions, role, status in (
            ([(known, True)], "viewer", 403),
            ([(known, True)] * 101, "operator", 422),
            ([], "operator", 422),
            ([("x-unknown", True)], "operator", 404),
        ):
            answer = await decide(house, *decisions, role=role)
            assert answer.status == status, answer
        assert house.service.core.engine.state.sequence == before
        assert (await decide(house, *[(known, False)] * 100)).status == 200

    run_virtual(1, main)


def test_viewers_may_look_and_not_decide() -> None:
    async def main(time: VirtualTime) -> None:
        house = await with_proposals(time)
        page = (await ask(house, "GET", "/reconciliation", "viewer")).json
        path = f"/reconciliation/{page['proposals'][0]['proposal']}/approve"
        assert (await ask(house, "POST", path, "viewer")).status == 403
        assert (await ask(house, "POST", "/reconciliation/x-unknown/approve")).status == 404

    run_virtual(1, main)


def test_another_tenants_proposals_do_not_exist() -> None:
    async def main(time: VirtualTime) -> None:
        house = await with_proposals(time)
        state = house.service.core.engine.state
        proposal = next(iter(state.accounts[FOLLOWER].proposals))
        before = state.sequence
        refused = await house.service.core.engine.submit(
            [
                commands.DecideProposal(
                    account=AccountId(FOLLOWER),
                    proposal=proposal,
                    approve=True,
                    subject="oscar",
                    tenant="other",  # type: ignore[arg-type]
                )
            ]
        )
        assert [getattr(outcome, "code", None) for outcome in refused] == ["proposal_unknown"]
        assert state.sequence == before

    run_virtual(1, main)
