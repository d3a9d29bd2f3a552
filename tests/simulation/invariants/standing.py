"""Which guards stand after they were hit, as the journal has it."""

from collections.abc import Iterator

import msgspec

from kopitra.domain.guards import GuardAction
from kopitra.domain.settings import SettingsScope
from kopitra.machine.events import AnyEvent, GuardHit, GuardLifted
from tests.simulation.stage.facts import Facts


class Hold(msgspec.Struct, frozen=True):
    name: str
    action: GuardAction
    at: float


Key = tuple[SettingsScope, str, str]


class Standing:
    def __init__(self) -> None:
        self._holds: dict[Key, dict[str | None, Hold]] = {}
        """By layer and name, then by account; None: the sum over the layer."""

    def note(self, event: AnyEvent, at: float) -> None:
        if isinstance(event, GuardHit):
            key = (event.scope, event.target, event.guard.name)
            hold = Hold(event.guard.name, event.guard.action, at)
            self._holds.setdefault(key, {})[event.account] = hold
        elif isinstance(event, GuardLifted):
            known = self._holds.get((event.scope, event.target, event.name), {})
            for account in (*event.accounts, *((None,) if event.summed else ())):
                known.pop(account, None)

    def stands(self, key: Key, account: str | None) -> bool:
        return account in self._holds.get(key, {})

    def over(self, facts: Facts, follower: str, subscription: str) -> Iterator[Hold]:
        """Those that concern this copy relation."""
        for (scope, target, _), holds in self._holds.items():
            if concerns(facts, scope, target, follower, subscription):
                yield from (hold for account, hold in holds.items() if account in (None, follower))

    def over_account(self, account: str) -> Iterator[Hold]:
        """Those that stop all that this follower opens."""
        for (scope, target, _), holds in self._holds.items():
            if scope is SettingsScope.PLATFORM or (scope is SettingsScope.FOLLOWER and target == account):
                yield from (hold for whose, hold in holds.items() if whose in (None, account))


def concerns(facts: Facts, scope: SettingsScope, target: str, follower: str, subscription: str) -> bool:
    """Whether a layer's guards are over this copy relation; there is one tenant here."""
    match scope:
        case SettingsScope.FOLLOWER:
            return target == follower
        case SettingsScope.GROUP:
            return facts.shadow.subscriptions[subscription].group == target  # type: ignore[index]
        case SettingsScope.PLATFORM:
            return True


def members(facts: Facts, scope: SettingsScope, target: str) -> list[str]:
    """The accounts that a layer's guards add up: who unsubscribed and holds no copy of it any more is none of them."""
    return sorted(
        {
            s.follower
            for s in facts.shadow.subscriptions.values()
            if concerns(facts, scope, target, s.follower, s.subscription)
            and (s.enabled or _holds_copies(facts, s.follower, s.subscription))
        }
    )


def _holds_copies(facts: Facts, follower: str, subscription: str) -> bool:
    copies = facts.shadow.accounts[follower].following.copies.values()  # type: ignore[index]
    return any(copy.live and copy.subscription == subscription for copy in copies)
