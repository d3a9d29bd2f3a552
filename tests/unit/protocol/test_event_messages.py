"""What the management side is told of an event, and what it is never told."""

from typing import get_args

import msgspec

from kopitra.domain.identifiers import AccountId, JournalId, TenantId
from kopitra.domain.trading import SignalAction
from kopitra.machine import events
from kopitra.machine.events import AnyEvent, CopyPlanned, Recorded
from kopitra.protocol.event_messages import (
    NO_TENANT,
    PRIVATE_EVENTS,
    TWINS,
    is_published,
    message_id,
    message_of,
    payload_of,
    schemas,
)
from tests.unit.copying.world import LEADER, TENANT, World


def test_every_event_is_published_with_a_schema_or_named_as_private() -> None:
    assert set(TWINS) | PRIVATE_EVENTS == set(get_args(AnyEvent))
    assert set(schemas()) == {str(event.__struct_config__.tag) for event in TWINS}


def test_a_decision_record_travels_by_names_in_camel_case() -> None:
    world = World()
    world.follower()
    world.send(SignalAction.OPEN)
    planned = world.history[-1]
    assert isinstance(planned, CopyPlanned)
    payload = msgspec.to_builtins(payload_of(planned))
    [decision] = payload["decisions"]
    assert decision["outcome"] == "planned"
    assert decision["copyId"] == decision["order"]["copyId"]
    assert decision["arithmetic"]["mode"] == "same_volume"
    assert payload["signal"]["positionRef"] == "p1"


def test_no_hash_or_nonce_leaves_the_journal() -> None:
    enrolled = events.Enrolled(account=LEADER, device="pc", secret_hash="hash-of-a-secret")  # type: ignore[arg-type]
    configured = events.AccountConfigured(
        account=LEADER, tenant=TENANT, revision=1, enrolment_code_hash="hash-of-a-code"
    )
    opened = events.SessionOpened(
        account=LEADER,
        session="s",  # type: ignore[arg-type]
        device="pc",  # type: ignore[arg-type]
        nonce="a-nonce",
        token_hash="hash-of-a-token",
        key_id="key-1",
        approved=True,
        lease_seconds=60,
    )
    sent = b"".join(msgspec.json.encode(payload_of(event)) for event in (enrolled, configured, opened))
    for secret in (b"hash-of", b"a-nonce", b"key-1"):
        assert secret not in sent


def test_stored_answers_and_checkpoints_stay_private() -> None:
    assert not is_published(events.ConsumerCheckpointed(consumer="sql", sequence=1))
    assert not is_published(
        events.RequestAnswered(account=LEADER, scope="s", key="k", digest=b"", status=200, body=b"token")
    )


def test_a_message_names_its_place_and_its_tenant() -> None:
    world = World()
    follower = world.follower()
    event = events.ResyncRequested(account=follower, reason="operator")
    recorded = Recorded(7, 7, world.now, event)
    tenants = {AccountId(a): world.state.accounts[a].tenant for a in world.state.accounts}
    message = message_of(recorded, tenants, payload_of(event))
    assert (message.message_type, message.tenant, message.account, message.sequence) == (
        "resync.requested",
        TENANT,
        follower,
        7,
    )
    assert message_of(recorded, {}, {}).tenant == NO_TENANT
    assert message_id(JournalId("j"), "s0", 7) == "j:s0:7"


def test_a_halt_is_told_to_the_one_tenant_whose_accounts_it_stops_and_else_to_nobody_alone() -> None:
    tenants = {AccountId("a"): TENANT, AccountId("b"): TENANT, AccountId("c"): TenantId("elsewhere")}

    def tenant(*accounts: str) -> str:
        halted = events.TradingHalted(
            scope=events.HaltScope.PLATFORM,
            target="",
            mode=events.HaltMode.CLOSE_ONLY,
            subject="operator",
            notified=tuple(map(AccountId, accounts)),
        )
        return message_of(Recorded(1, 1, World().now, halted), tenants, {}).tenant

    assert tenant("a", "b") == TENANT
    assert tenant("a", "c") == NO_TENANT
    assert tenant() == NO_TENANT
    assert tenant("nobody") == NO_TENANT


def test_a_group_names_its_tenant_itself() -> None:
    event = events.GroupConfigured(group="g", tenant=TenantId("acme"), revision=1, leaders=())  # type: ignore[arg-type]
    assert message_of(Recorded(1, 1, World().now, event), {}, {}).tenant == "acme"
