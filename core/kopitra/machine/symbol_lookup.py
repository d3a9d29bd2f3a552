"""Remembers which follower symbol stands for a leader's: the same question is asked for every trade."""

from kopitra.domain.catalogues import Catalogue
from kopitra.domain.identifiers import SubscriptionId
from kopitra.domain.mapping import Mapped, map_symbol
from kopitra.domain.skips import Skip, SkipReason
from kopitra.machine.state import Account, State, Subscription

MOST_ANSWERS = 100_000
"""About 20 MiB; then the memory starts afresh."""
MOST_CATALOGUES = 256
"""An index of 3,000 symbols takes about 3 MiB."""

_Question = tuple[SubscriptionId, int, str, str, str]


class SymbolLookup:
    """A pure function with a memory: answers depend only on rules' revision and the two catalogues' digests."""

    def __init__(self) -> None:
        self._catalogues: dict[str, Catalogue] = {}
        self._answers: dict[_Question, Mapped | Skip] = {}

    def find(self, state: State, subscription: Subscription, leader: Account, symbol: str) -> Mapped | Skip:
        follower = state.accounts[subscription.follower]
        question = (
            subscription.subscription,
            subscription.revision,
            follower.catalog_digest,
            leader.catalog_digest,
            symbol,
        )
        answer = self._answers.get(question)
        if answer is None:
            if len(self._answers) >= MOST_ANSWERS:
                self._answers.clear()
            answer = self._answers[question] = self._ask(subscription, leader, follower, symbol)
        return answer

    def _ask(
        self, subscription: Subscription, leader: Account, follower: Account, symbol: str
    ) -> Mapped | Skip:
        if not follower.catalog:
            return Skip(
                SkipReason.CATALOGUE_MISSING, "the follower's terminal has not reported its symbols yet"
            )
        known = leader.catalog.get(symbol, symbol)
        return map_symbol(subscription.rules, known, self._catalogue(follower))

    def _catalogue(self, account: Account) -> Catalogue:
        """By digest: followers of one broker share one index."""
        held = self._catalogues.get(account.catalog_digest)
        if held is None:
            if len(self._catalogues) >= MOST_CATALOGUES:
                self._catalogues.clear()
            held = self._catalogues[account.catalog_digest] = Catalogue(account.catalog.values())
        return held
