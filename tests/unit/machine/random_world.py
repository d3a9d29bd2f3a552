"""Random commands of every kind that fit what came before often enough to reach every event, and not always.

Every choice is drawn from a `Draws`, so a seed or hypothesis decides; nothing here knows what the right answer is.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from kopitra.domain.guards import Guard, GuardAction, GuardBasis, GuardKind, GuardReset, GuardUnit
from kopitra.domain.identifiers import AccountId, DeviceId, GroupId, SessionId, SubscriptionId, TenantId
from kopitra.domain.periods import Period
from kopitra.domain.quotes import Quote
from kopitra.domain.rules import (
    Corrections,
    LateJoin,
    ManualClose,
    OnDrift,
    PendingPolicy,
    UnknownPosition,
    Unsubscribe,
)
from kopitra.domain.settings import CopySettings, SettingsScope
from kopitra.domain.sizing_modes import (
    BalanceRatio,
    ByExpression,
    FixedRisk,
    FixedVolume,
    SameVolume,
    Sizing,
)
from kopitra.domain.symbols import SymbolSpec
from kopitra.domain.telemetry import BalanceOperation
from kopitra.machine.commands import (
    ApproveSession,
    Checkpoint,
    Command,
    EndSession,
    Enrol,
    OpenSession,
    PublishAccount,
    PublishGroup,
    PublishSettings,
    PublishSubscription,
    RememberAnswer,
    RequestResync,
    TakeBalance,
    TakeCatalog,
    TakeInboxEvent,
    Tick,
)
from kopitra.machine.events import SessionEnd
from kopitra.machine.layers import layer_key
from kopitra.machine.leases import renew
from kopitra.machine.outcome import Decision
from kopitra.machine.readings import Figures
from kopitra.simulation.draws import Draws
from tests.unit.machine.driven import ELSEWHERE, TENANT, DrivenMachine

T = TypeVar("T")

LEADERS = ("leader-a", "leader-b")
FOLLOWERS = ("follower-a", "follower-b", "follower-c")
ACCOUNTS = (*LEADERS, *FOLLOWERS)
GROUPS = ("group-a", "group-b")
SYMBOLS = ("EURUSD", "USDJPY")
EURUSD = SymbolSpec(
    symbol="EURUSD",
    digits=5,
    contract_size=Decimal(100_000),
    volume_min=Decimal("0.01"),
    volume_max=Decimal(100),
    volume_step=Decimal("0.01"),
    base_currency="EUR",
    profit_currency="USD",
)
USDJPY = msgspec.structs.replace(
    EURUSD, symbol="USDJPY", digits=3, base_currency="USD", profit_currency="JPY"
)
CATALOGUES = ((EURUSD, USDJPY), (EURUSD,))
SIZINGS: tuple[Sizing, ...] = (
    SameVolume(),
    FixedVolume(volume=Decimal("0.30")),
    BalanceRatio(),
    FixedRisk(fraction=Decimal("0.02")),
    ByExpression(expression="leader_volume * min(equity / 1000, 2)"),
)


GUARDS = (
    Guard(
        name="daily",
        kind=GuardKind.LOSS,
        limit=Decimal(20),
        unit=GuardUnit.PERCENT,
        period=Period.DAY,
        action=GuardAction.FLATTEN,
        reset_by=GuardReset.PERIOD,
    ),
    Guard(
        name="high",
        kind=GuardKind.TRAILING_DRAWDOWN,
        limit=Decimal(400),
        unit=GuardUnit.MONEY,
        basis=GuardBasis.BALANCE,
        period=Period.LIFETIME,
        action=GuardAction.CLOSE_ONLY,
    ),
    Guard(name="floor", kind=GuardKind.EQUITY_FLOOR, limit=Decimal(1020), unit=GuardUnit.MONEY),
    Guard(name="most", kind=GuardKind.OPEN_POSITIONS, limit=Decimal(30), unit=GuardUnit.COUNT),
    Guard(name="lots", kind=GuardKind.SYMBOL_EXPOSURE, limit=Decimal(9), unit=GuardUnit.LOTS),
)
SUMMED = (
    Guard(
        name="together",
        kind=GuardKind.LOSS,
        limit=Decimal(300),
        unit=GuardUnit.MONEY,
        currency="USD",
        period=Period.WEEK,
        each=False,
    ),
)
"""Of groups and platforms."""


class Choices:
    """Ways to choose, over a source of numbers."""

    def __init__(self, draws: Draws) -> None:
        self._draws = draws

    def one_of(self, options: Sequence[T]) -> T:
        return options[self._draws.below(len(options))]

    def below(self, bound: int) -> int:
        return self._draws.below(bound)

    def once_in(self, times: int) -> bool:
        return self._draws.below(times) == times - 1

    def lots(self, most: int = 50) -> Decimal:
        """A hundredth of a lot up to `most` of them."""
        return Decimal(1 + self._draws.below(most)) / 100


class RandomWorld:
    """A machine, and the choices that command it."""

    def __init__(self, draws: Draws) -> None:
        self.choose = Choices(draws)
        self.machine = DrivenMachine()
        self.number = 0

    def set_up(self) -> None:
        """Two groups with a chain (leader-b copies leader-a) and a follower that copies leader-a twice, so that events
        put two items into one outbox. Everybody is enrolled and has a session."""
        for account in ACCOUNTS:
            name, code = AccountId(account), f"code-{account}"
            self.machine.done(
                PublishAccount(
                    account=name,
                    tenant=TENANT,
                    revision=1,
                    enrolment_code_hash=code,
                    requires_approval=account == FOLLOWERS[-1],
                )
            )
            self.machine.done(Enrol(code_hash=code, device=DeviceId("d0"), secret_hash="secret"))
            self.machine.done(self.open_session(name, DeviceId("d0")))
            self.machine.done(TakeCatalog(account=name, symbols=CATALOGUES[0], digest="0"))
            self.tell_figures(name)
        for group, leaders in zip(GROUPS, (LEADERS[:1], LEADERS), strict=True):
            self.machine.done(self.group(group, leaders, 1))
        for group, follower in (
            ("group-a", "follower-a"),
            ("group-a", "follower-b"),
            ("group-a", "leader-b"),
            ("group-b", "follower-b"),
            ("group-b", "follower-c"),
        ):
            self.machine.done(self.subscription(group, follower, 1, SIZINGS[0]))

    def fresh(self) -> int:
        self.number += 1
        return self.number

    def ask(self, command: Command) -> Decision | None:
        result = self.machine.ask(command, actor=self.choose.one_of((None, "operator")))
        return result if isinstance(result, Decision) else None

    def account(self) -> AccountId:
        return AccountId(self.choose.one_of(ACCOUNTS))

    def tell_figures(self, account: AccountId) -> None:
        now = self.machine.now
        figures = Figures(
            balance=Decimal(1000 * (1 + self.choose.below(10))),
            currency=self.choose.one_of(("USD", "EUR")),
            at=now,
            equity=Decimal(1000 * (1 + self.choose.below(10))),
        )
        self.machine.readings.figures[account] = figures
        quotes = [Quote("EURUSD", Decimal("1.10000"), Decimal("1.10010"))]
        catalog = self.machine.state.accounts[account].catalog
        self.machine.readings.note_quotes(account, quotes, catalog, now)
        self.machine.readings.contacts[account] = now

    def subscription(self, group: str, follower: str, revision: int, sizing: Sizing) -> PublishSubscription:
        return PublishSubscription(
            subscription=SubscriptionId(f"{follower}-in-{group}"),
            tenant=TENANT,
            revision=revision,
            group=GroupId(group),
            follower=AccountId(follower),
            rules=CopySettings(
                sizing=sizing,
                reverse=revision % 5 == 4,
                copy_pending=revision % 7 != 6,
                pending_policy=tuple(PendingPolicy)[revision % 3],
                delay_seconds=10 if revision % 4 == 0 else 0,
                sandbox=revision % 4 == 2,
                unsubscribe=tuple(Unsubscribe)[revision // 4 % 3],
                manual_close=tuple(ManualClose)[revision % 2],
                unknown_position=tuple(UnknownPosition)[revision % 2],
                on_drift=tuple(OnDrift)[revision // 5 % 2],
                corrections=tuple(Corrections)[revision // 2 % 2],
                late_join=tuple(LateJoin)[revision % 3],
                deferred_replay=revision % 3 != 1,
                leader_silence_seconds=(60, 30)[revision % 2],
                leader_silence_close_seconds=(None, 90)[revision % 2],
            ),
            enabled=revision % 4 != 3,
        )

    def group(self, group: str, leaders: Sequence[str], revision: int) -> PublishGroup:
        names = tuple(AccountId(leader) for leader in leaders)
        return PublishGroup(group=GroupId(group), tenant=TENANT, revision=revision, leaders=names)

    def open_session(self, account: AccountId, device: DeviceId) -> OpenSession:
        number = self.fresh()
        return OpenSession(
            account=account,
            session=SessionId(f"s{number}"),
            device=device,
            nonce=f"n{number}",
            token_hash=f"t{number}",
            key_id="k",
        )

    # -- what can happen beside copying ----------------------------------------------------------------------------

    def publish(self) -> None:
        choose, state = self.choose, self.machine.state
        step = choose.one_of((-1, 0, 1, 1, 1, 2))
        tenant = ELSEWHERE if choose.once_in(20) else TENANT
        match choose.below(4):
            case 0:
                account = self.account()
                command: Command = PublishAccount(
                    account=account,
                    tenant=tenant,
                    revision=state.accounts[account].revision + step,
                    enabled=not choose.once_in(6),
                    requires_approval=choose.once_in(3),
                    enrolment_code_hash=f"code-{account}-{choose.below(3)}",
                    revoked_devices=(DeviceId("d1"),) if choose.once_in(4) else (),
                )
            case 1:
                group = GroupId(choose.one_of(GROUPS))
                command = PublishGroup(
                    group=group,
                    tenant=tenant,
                    revision=state.groups[group].revision + step,
                    leaders=(
                        AccountId(choose.one_of(LEADERS)),
                        *((self.account(),) if choose.once_in(5) else ()),
                    ),
                    enabled=not choose.once_in(6),
                    copies_of_copies=choose.once_in(2),
                )
            case 2:
                command = self.settings(step, tenant)
            case _:
                name, follower = choose.one_of(GROUPS), choose.one_of(ACCOUNTS)
                known = state.subscriptions.get(SubscriptionId(f"{follower}-in-{name}"))
                revision = known.revision + step if known is not None else 1
                command = self.subscription(name, follower, revision, choose.one_of(SIZINGS))
        self.ask(command)

    def settings(self, step: int, tenant: TenantId) -> PublishSettings:
        """Of a layer that may be wrong for some of its subscriptions."""
        choose = self.choose
        scope = choose.one_of(tuple(SettingsScope))
        match scope:
            case SettingsScope.PLATFORM:
                target = ""
            case SettingsScope.GROUP:
                target = choose.one_of(GROUPS)
            case SettingsScope.FOLLOWER:
                target = choose.one_of(ACCOUNTS)
        known = self.machine.state.layers.get(layer_key(scope, target or tenant))
        given: dict[str, Any] = {
            "multiplier": Decimal(choose.below(4)),
            "copy_stop_loss": choose.once_in(2),
            "min_volume": choose.one_of((Decimal(0), Decimal("0.05"))),
            "max_volume": choose.one_of((None, Decimal("0.03"), Decimal(2))),
            "symbols": {"EURUSD": choose.one_of((*("EURUSD",) * 4, "GBPUSD"))},
        }
        settings = CopySettings(**{name: value for name, value in given.items() if choose.once_in(3)})
        revision = known.revision + step if known is not None else 1
        possible = GUARDS if scope is SettingsScope.FOLLOWER else (*GUARDS, *SUMMED)
        guards = tuple(guard for guard in possible if choose.once_in(4))
        return PublishSettings(
            scope=scope, target=target, tenant=tenant, revision=revision, settings=settings, guards=guards
        )

    def calm_down(self) -> None:
        """What stands in the way of copying is put right: who is away comes back, what is not enabled is again."""
        self.hear_everybody()
        for account in list(self.machine.state.accounts.values()):
            if not account.enabled:
                self.ask(
                    PublishAccount(account=account.account, tenant=TENANT, revision=account.revision + 1)
                )
            if account.session is None and account.devices:
                self.ask(self.open_session(account.account, next(iter(account.devices))))
            if account.session is not None and not account.session.approved:
                self.ask(
                    ApproveSession(account=account.account, session=None, subject="operator", revision=0)
                )
        for name, leaders in zip(GROUPS, (LEADERS[:1], LEADERS), strict=True):
            group = self.machine.state.groups[GroupId(name)]
            if not group.enabled or set(group.leaders) != set(leaders):
                self.ask(self.group(name, leaders, group.revision + 1))
        for known in list(self.machine.state.subscriptions.values()):
            if not known.enabled:
                self.ask(self.subscription(known.group, known.follower, known.revision + 1, SIZINGS[0]))

    def meet(self) -> None:
        """Enrol, open, approve or end a session."""
        choose, account = self.choose, self.account()
        device = DeviceId(f"d{choose.below(3)}")
        session = self.machine.state.accounts[account].session
        named = session.session if session is not None and choose.once_in(2) else None
        known = self.machine.state.accounts[account].control_revision
        revision = choose.one_of((0, 0, known, known + 1))
        match choose.below(6):
            case 0:
                code = f"code-{account}-{choose.below(3)}"
                self.ask(Enrol(code_hash=code, device=device, secret_hash=f"secret-{self.fresh()}"))
            case 1:
                self.ask(
                    ApproveSession(account=account, session=named, subject="operator", revision=revision)
                )
            case 2:
                reason = choose.one_of(tuple(SessionEnd))
                subject = choose.one_of((None, "operator"))
                self.ask(
                    EndSession(
                        account=account, session=named, reason=reason, subject=subject, revision=revision
                    )
                )
            case 3 if session is not None:
                renew(account, session, self.machine.readings, self.machine.now)
            case _:
                self.ask(self.open_session(account, device))

    def report(self) -> None:
        """Telemetry, checkpoints, answers to keys."""
        choose, account, now = self.choose, self.account(), self.machine.now
        match choose.below(7):
            case 0:
                number = choose.below(2)
                self.ask(TakeCatalog(account=account, symbols=CATALOGUES[number], digest=str(number)))
            case 1:
                operation = BalanceOperation(
                    deal_id=choose.below(4),
                    kind="deposit",
                    amount=choose.lots(),
                    currency="USD",
                    executed_at=now,
                )
                self.ask(TakeBalance(account=account, operation=operation))
            case 2:
                self.ask(TakeInboxEvent(account=account, event_type="ea.error", payload=b'{"code":"x"}'))
            case 3:
                self.ask(RequestResync(account=account, reason="cursor", revision=choose.below(3)))
            case 4:
                ahead = self.machine.state.sequence + 2
                self.ask(Checkpoint(consumer=choose.one_of(("relay", "sql")), sequence=choose.below(ahead)))
            case 5:
                self.tell_figures(account)
            case _:
                self.ask(
                    RememberAnswer(
                        account=account,
                        scope=choose.one_of(("POST /signals", "POST /executions")),
                        key=f"key-{choose.below(50)}",
                        digest=b"digest",
                        status=202,
                        body=b'{"sequence":%d}' % self.machine.state.sequence,
                    )
                )

    def pass_time(self) -> None:
        """Mostly a moment, sometimes long enough for leases and opens to go stale, rarely a day. Everybody is heard of
        afterwards, unless there is a silence."""
        seconds = self.choose.one_of((0, 1, 1, 6, 6, 6, 30, 30, 61, 200))
        self.machine.now += timedelta(seconds=90_000 if self.choose.once_in(80) else seconds)
        if not self.choose.once_in(5):
            self.hear_everybody()
        self.ask(Tick())

    def hear_everybody(self) -> None:
        now, readings = self.machine.now, self.machine.readings
        for account in self.machine.state.accounts.values():
            self.tell_figures(account.account)
            if account.session is not None:
                renew(account.account, account.session, readings, now)

    def happenings(self) -> Sequence[Callable[[], None]]:
        """Each as often as it should come up."""
        return (self.publish, self.calm_down, *(self.meet,) * 2, *(self.report,) * 3, *(self.pass_time,) * 4)

    def step(self) -> None:
        self.choose.one_of(self.happenings())()
