"""The machine as an application drives it: decide, give places, encode, evolve; and what its tests start from."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from kopitra.application.ports.journal import Frame
from kopitra.domain.identifiers import (
    AccountId,
    DeviceId,
    GroupId,
    JournalId,
    RequestId,
    SessionId,
    SubscriptionId,
    TenantId,
)
from kopitra.domain.settings import CopySettings
from kopitra.domain.sizing_modes import SameVolume
from kopitra.machine.codec import EVENTS
from kopitra.machine.commands import (
    Command,
    Enrol,
    OpenSession,
    PublishAccount,
    PublishGroup,
    PublishSubscription,
)
from kopitra.machine.decide import decide
from kopitra.machine.events import AnyEvent
from kopitra.machine.evolve import evolve
from kopitra.machine.outcome import Context, Decision, Refusal, Result
from kopitra.machine.readings import Readings
from kopitra.machine.replay import new_state, replay
from kopitra.machine.stamp import stamp
from kopitra.machine.state import Account, OutboxItem, State
from kopitra.machine.state_codec import state_hash

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
TENANT = TenantId("tenant")
ELSEWHERE = TenantId("elsewhere")
JOURNAL = JournalId("journal")
LEADER = AccountId("leader")
FOLLOWER = AccountId("follower")
GROUP = GroupId("group")
SUBSCRIPTION = SubscriptionId("subscription")
DEVICE = DeviceId("vps-1")
OTHER_DEVICE = DeviceId("laptop")
SAME = CopySettings(sizing=SameVolume())


class DrivenMachine:
    """One shard without a journal: frames are kept in a list."""

    def __init__(self) -> None:
        self.state: State = new_state(JOURNAL, "shard")
        self.readings = Readings()
        self.now = NOW
        self.frames: list[Frame] = []

    def ask(self, command: Command, actor: str | None = None) -> Result:
        """Decide, and apply what was decided."""
        context = self.context(actor)
        result = decide(self.state, command, context)
        if isinstance(result, Decision):
            self.apply(result.events, context)
        return result

    def done(self, command: Command, actor: str | None = None) -> Decision:
        result = self.ask(command, actor)
        assert isinstance(result, Decision), result
        return result

    def refused(self, command: Command) -> Refusal:
        result = self.ask(command)
        assert isinstance(result, Refusal), result
        return result

    def apply(self, events: Iterable[AnyEvent], context: Context | None = None) -> None:
        for recorded in stamp(events, self.state.sequence, context or self.context()):
            self.frames.append(Frame(recorded.sequence, recorded.last, EVENTS.encode(recorded)))
            evolve(self.state, recorded)

    def context(self, actor: str | None = None) -> Context:
        return Context(
            now=self.now,
            readings=self.readings,
            request_id=RequestId(f"request-{self.state.sequence}"),
            actor=actor,
        )

    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    def replayed(self) -> State:
        """A fresh state, rebuilt from the encoded events."""
        return replay(new_state(JOURNAL, "shard"), self.frames)

    def said(self) -> str:
        """What the state says beside how far it has got: to show that something changed nothing else."""
        return state_hash(msgspec.structs.replace(self.state, sequence=0))

    def account(self, account: AccountId = FOLLOWER) -> Account:
        return self.state.accounts[account]

    def outbox(self, account: AccountId = FOLLOWER) -> list[OutboxItem]:
        return list(self.account(account).outbox.values())


def publish_account(account: str = FOLLOWER, revision: int = 1, **changes: Any) -> PublishAccount:
    values: dict[str, Any] = {"account": account, "tenant": TENANT, "revision": revision}
    return PublishAccount(**{**values, **changes})


def publish_group(*leaders: str, revision: int = 1, **changes: Any) -> PublishGroup:
    values: dict[str, Any] = {"group": GROUP, "tenant": TENANT, "revision": revision, "leaders": leaders}
    return PublishGroup(**{**values, **changes})


def publish_subscription(revision: int = 1, **changes: Any) -> PublishSubscription:
    values: dict[str, Any] = {
        "subscription": SUBSCRIPTION,
        "tenant": TENANT,
        "revision": revision,
        "group": GROUP,
        "follower": FOLLOWER,
        "rules": SAME,
    }
    return PublishSubscription(**{**values, **changes})


def open_session(number: int = 1, **changes: Any) -> OpenSession:
    values: dict[str, Any] = {
        "account": FOLLOWER,
        "session": SessionId(f"session-{number}"),
        "device": DEVICE,
        "nonce": f"nonce-{number}",
        "token_hash": f"token-{number}",
        "key_id": "key",
    }
    return OpenSession(**{**values, **changes})


def enrol(machine: DrivenMachine, account: AccountId, device: DeviceId = DEVICE) -> None:
    """Publish a code for the account and use it on the device."""
    known = machine.state.accounts.get(account)
    revision = known.revision + 1 if known is not None else 1
    code = f"code-{account}-{revision}"
    approval = known.requires_approval if known is not None else False
    machine.done(publish_account(account, revision, enrolment_code_hash=code, requires_approval=approval))
    machine.done(Enrol(code_hash=code, device=device, secret_hash=f"secret-{device}-{revision}"))


def leader_and_follower() -> DrivenMachine:
    """Two enrolled accounts, the one following the other; nothing pending in their outboxes."""
    machine = DrivenMachine()
    enrol(machine, LEADER)
    enrol(machine, FOLLOWER)
    machine.done(publish_group(LEADER))
    machine.done(publish_subscription())
    return machine
