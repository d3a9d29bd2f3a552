"""What operators see and do of guards."""

from collections.abc import Iterator

from kopitra.application.engine import Engine
from kopitra.application.management import Asking
from kopitra.application.ports.timing import Clock
from kopitra.domain.identifiers import AccountId
from kopitra.domain.settings import SettingsScope
from kopitra.machine.commands import ResetGuard
from kopitra.machine.decisions.guard_distances import Distance, distances_of, distances_of_sums
from kopitra.machine.decisions.guard_hits import tenant_of
from kopitra.machine.outcome import Context, Refusal
from kopitra.protocol.management_guards import (
    GuardHeld,
    GuardList,
    GuardResetAnswer,
    GuardResetRequest,
    GuardStanding,
)

TARGET_MISSING = Refusal(
    status=422, code="guard_target_missing", detail="Whose guard: which tenant's, group's or follower's?"
)


class GuardDesk:
    def __init__(self, *, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def standing(self, asking: Asking, account: AccountId | None = None) -> GuardList:
        """How near the guards of the operator's tenant are to their limits; of one account, or of all and their
        sums."""
        return GuardList(guards=[_shown(distance) for distance in self._distances(asking, account)])

    async def reset(self, asking: Asking, request: GuardResetRequest) -> GuardResetAnswer | Refusal:
        target = request.target
        if request.scope is SettingsScope.PLATFORM and not target and asking.tenant is not None:
            target = asking.tenant
        if not target:
            return TARGET_MISSING
        command = ResetGuard(
            scope=request.scope,
            target=target,
            name=request.name,
            subject=asking.subject,
            tenant=asking.tenant,
            account=request.account,
        )
        [outcome] = await self._engine.submit([command], request_id=asking.request_id, actor=asking.subject)
        if isinstance(outcome, Refusal):
            return outcome
        lifted = outcome.answer.get("reset", 0)
        return GuardResetAnswer(
            status="reset" if outcome.changed else "unchanged",
            sequence=outcome.last,
            lifted=lifted if isinstance(lifted, int) else 0,
        )

    def _distances(self, asking: Asking, account: AccountId | None) -> Iterator[Distance]:
        state = self._engine.state
        context = Context(now=self._clock.now(), readings=self._engine.readings)
        for known in state.accounts.values():
            if account in (None, known.account) and asking.tenant in (None, known.tenant):
                yield from distances_of(state, known, context)
        if account is not None:
            return
        for distance in distances_of_sums(state, context):
            placed = distance.placed
            if asking.tenant in (None, tenant_of(state, placed.scope, placed.target)):
                yield distance


def _shown(distance: Distance) -> GuardStanding:
    placed, hold = distance.placed, distance.hold
    return GuardStanding(
        scope=placed.scope,
        target=placed.target,
        name=placed.guard.name,
        kind=placed.guard.kind,
        unit=placed.guard.unit,
        account=distance.account,
        used=distance.used,
        amount=distance.amount,
        limit=distance.limit,
        currency=distance.currency,
        held=GuardHeld(action=hold.action, at=hold.at, until=hold.until) if hold is not None else None,
        unknown=distance.unknown,
    )
