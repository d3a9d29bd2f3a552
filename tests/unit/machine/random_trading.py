"""Random trading on top of a random world: leaders, followers' terminals, and what operators do about them."""

from collections.abc import Callable, Sequence

from kopitra.domain.identifiers import ProposalId, TenantId
from kopitra.domain.orders import Side
from kopitra.domain.settings import SettingsScope
from kopitra.domain.trading import OrderAction
from kopitra.machine.commands import DecideProposal, Halt, PlaceOperatorOrder, ResetGuard, Resume
from kopitra.machine.events import HaltMode, HaltScope
from tests.unit.machine.driven import ELSEWHERE, TENANT
from tests.unit.machine.random_following import FollowingWorld
from tests.unit.machine.random_world import GROUPS, SYMBOLS


class TradingWorld(FollowingWorld):
    def happenings(self) -> Sequence[Callable[[], None]]:
        return (
            *super().happenings(),
            *(self.signal,) * 8,
            *(self.acknowledge,) * 6,
            *(self.deal,) * 8,
            *(self.snapshot,) * 4,
            *(self.figures,) * 3,
            self.deliver,
            self.halt,
            self.reset,
            self.operate,
            self.decide_proposal,
        )

    def calm_down(self) -> None:
        super().calm_down()
        self._resume(None)
        self._reset(None)

    def halt(self) -> None:
        choose, scope = self.choose, self.choose.one_of(tuple(HaltScope))
        target = choose.one_of(GROUPS) if scope is HaltScope.GROUP else self.account()
        tenant = choose.one_of((None, TENANT, ELSEWHERE))
        revision = choose.below(4)
        if choose.once_in(3):
            mode = choose.one_of(tuple(HaltMode))
            self.ask(
                Halt(
                    scope=scope,
                    target=target,
                    mode=mode,
                    subject="operator",
                    tenant=tenant,
                    revision=revision,
                )
            )
        else:
            self._resume(tenant)

    def _resume(self, tenant: TenantId | None) -> None:
        for key in list(self.machine.state.halts):
            held, _, name = key.partition(":")
            self.ask(Resume(scope=HaltScope(held), target=name, subject="operator", tenant=tenant))

    def reset(self) -> None:
        """Whatever guards have stopped, or one that nobody knows."""
        tenant = self.choose.one_of((None, TENANT, ELSEWHERE))
        if not self._reset(tenant):
            scope = self.choose.one_of(tuple(SettingsScope))
            self.ask(ResetGuard(scope=scope, target="nobody", name="none", subject="operator"))

    def _reset(self, tenant: TenantId | None) -> bool:
        state = self.machine.state
        holds = [*state.guard_holds.values()]
        holds += [hold for account in state.accounts.values() for hold in account.guard_holds.values()]
        for hold in holds:
            self.ask(
                ResetGuard(
                    scope=hold.scope,
                    target=hold.target,
                    name=hold.name,
                    subject="operator",
                    tenant=tenant,
                    account=self.account() if self.choose.once_in(5) else None,
                )
            )
        return bool(holds)

    def decide_proposal(self) -> None:
        choose = self.choose
        asking = [a.account for a in self.machine.state.accounts.values() if a.proposals]
        account = choose.one_of(asking) if asking and not choose.once_in(6) else self.account()
        waiting = list(self.machine.state.accounts[account].proposals)
        proposal = choose.one_of(waiting) if waiting and not choose.once_in(12) else ProposalId("x-unknown")
        tenant = choose.one_of((None, TENANT, ELSEWHERE)) if choose.once_in(8) else None
        self.ask(
            DecideProposal(
                account=account,
                proposal=proposal,
                approve=not choose.once_in(3),
                subject="operator",
                tenant=tenant,
            )
        )

    def operate(self) -> None:
        choose, account = self.choose, self.account()
        tickets = [None, 1, *self.machine.state.accounts[account].following.by_position]
        self.ask(
            PlaceOperatorOrder(
                account=account,
                subject="operator",
                action=choose.one_of(tuple(OrderAction)),
                symbol=SYMBOLS[0],
                side=choose.one_of(tuple(Side)),
                volume=choose.lots(),
                ticket=choose.one_of(tickets),
            )
        )
