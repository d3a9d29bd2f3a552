"""Right after a start nobody has told a balance or a quote yet: a leader's open waits a moment for those it needs."""

from kopitra.application.engine import Engine
from kopitra.application.ports.timing import Clock, Sleeper
from kopitra.domain.identifiers import AccountId
from kopitra.domain.sizing_modes import BalanceRatio

WARM_UP_SECONDS = 5.0
"""Agents tell their figures as soon as they are back, and knock at least every four seconds. Who is not back by then is
skipped with the reason that is true: `balance_missing`."""
LOOK_SECONDS = 0.05


class Warming:
    """Figures and quotes live in memory only (a restart forgets them), while leaders' signals are repeated until they
    are answered: the first may come before the followers' figures."""

    def __init__(self, engine: Engine, clock: Clock, sleeper: Sleeper) -> None:
        self._engine = engine
        self._clock = clock
        self._sleeper = sleeper

    async def for_followers_of(self, leader: AccountId) -> float:
        """Wait until every follower with a session, and with a size that depends on its balance, has told it; at most
        until this instance has served for `WARM_UP_SECONDS`. The seconds that it took. Raises Unavailable."""
        began = self._clock.monotonic()
        ends = self._engine.serving_since + WARM_UP_SECONDS
        while self._clock.monotonic() < ends and self._untold(leader):
            await self._sleeper.sleep(LOOK_SECONDS)
        waited = self._clock.monotonic() - began
        if waited:
            self._still_here(leader)
        return waited

    def _still_here(self, leader: AccountId) -> None:
        """Its call came before the state was rebuilt, perhaps; it is there all the same, and its leader not silent."""
        contacts = self._engine.readings.contacts
        if leader in contacts:
            contacts[leader] = self._clock.now()

    def _untold(self, leader: AccountId) -> bool:
        state, readings = self._engine.state, self._engine.readings
        for name in state.by_leader.get(leader, ()):
            subscription = state.subscriptions[name]
            follower = state.accounts.get(subscription.follower)
            if not isinstance(subscription.rules.sizing, BalanceRatio) or follower is None:
                continue
            if follower.session is not None and not (
                follower.account in readings.figures and readings.quotes.get(follower.account)
            ):
                return True
        return False
