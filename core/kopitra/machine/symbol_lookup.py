"""Remembers which follower symbol stands for a leader's: the same question is asked for every trade."""

from kopitra.domain.catalogues import Catalogue
from kopitra.domain.identifiers import SubscriptionId
from kopitra.domain.mapping import Mapped, map_symbol
from kopitra.domain.rules import CopyRules
from kopitra.domain.skips import Skip, SkipReason
from kopitra.machine.state import Account, State, Subscription

MOST_ANSWERS = 100_000
"""About 20 MiB; then the memory starts afresh."""
MOST_CATALOGUES = 256
"""An index of 3,000 symbols takes about 3 MiB."""

_Question = tuple[SubscriptionId, str, str, str]


class SymbolLookup:
    """A pure function with a memory: answers depend only on the rules and the two catalogues' digests. Rules count as
    the same only where they are one object: a version that was never written may come again with others."""

    def __init__(self) -> None:
        self._catalogues: dict[str, Catalogue] = {}
        self._answers: dict[_Question, tuple[CopyRules, Mapped | Skip]] = {}

    def find(self, state: State, subscription: Subscription, leader: Account, symbol: str) -> Mapped | Skip:
        follower = state.accounts[subscription.follower]
        question = (
            subscription.subscription,
            follower.catalog_digest,
            leader.catalog_digest,
            symbol,
        )
        held = self._answers.get(question)
        if held is None or held[0] is not subscription.rules:
            if len(self._answers) >= MOST_ANSWERS:
                self._answers.clear()
            answer = self._ask(subscription, leader, follower, symbol)
            held = self._answers[question] = (subscription.rules, answer)
        return held[1]

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
