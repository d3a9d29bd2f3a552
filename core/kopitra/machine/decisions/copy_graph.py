"""Who copies whom: no account follows itself, no circles, no long chains, no leader with more followers than tested."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

import msgspec

from kopitra.domain.identifiers import AccountId, SubscriptionId
from kopitra.domain.limits import MAX_CHAIN_DEPTH, MAX_FOLLOWERS_PER_LEADER
from kopitra.machine.outcome import Refusal
from kopitra.machine.state import State, Subscription


class Edges(msgspec.Struct, frozen=True, kw_only=True):
    """What a publication would make of the graph: every one of `leaders` is copied by every one of `followers` (one
    entry for each subscription, if `copies`), in place of what the `replaced` subscriptions make of it now."""

    leaders: tuple[AccountId, ...]
    followers: tuple[AccountId, ...]
    replaced: frozenset[SubscriptionId]
    copies: bool

    @classmethod
    def of_group(
        cls, leaders: tuple[AccountId, ...], members: Sequence[Subscription], enabled: bool
    ) -> "Edges":
        return cls(
            leaders=leaders,
            followers=tuple(member.follower for member in members if member.enabled),
            replaced=frozenset(member.subscription for member in members),
            copies=enabled,
        )


def refuse_edges(state: State, edges: Edges) -> Refusal | None:
    """Why the graph may not become this; None where it may."""
    for follower in edges.followers:
        if follower in edges.leaders:
            return _refuse("follows_itself", f"Account {follower} would copy itself.")
    if not edges.copies:
        return None
    graph = _Graph(state, edges)
    return _refuse_crowd(graph) or _refuse_circle(graph) or _refuse_depth(graph)


def _refuse_crowd(graph: "_Graph") -> Refusal | None:
    for leader in graph.edges.leaders:
        count = graph.count_followers(leader)
        if count > MAX_FOLLOWERS_PER_LEADER:
            return _refuse(
                "max_followers_per_leader",
                f"Leader {leader} would have {count} followers, above MAX_FOLLOWERS_PER_LEADER "
                f"({MAX_FOLLOWERS_PER_LEADER}).",
            )
    return None


def _refuse_circle(graph: "_Graph") -> Refusal | None:
    """A new circle runs through a new edge: from one of the followers back to one of the leaders."""
    seen: set[AccountId] = set()
    waiting = list(graph.edges.followers)
    while waiting:
        account = waiting.pop()
        if account in graph.edges.leaders:
            return _refuse("copy_circle", f"Account {account} would copy its own copies.")
        if account not in seen:
            seen.add(account)
            waiting.extend(graph.followers_of(account))
    return None


def _refuse_depth(graph: "_Graph") -> Refusal | None:
    above = max((graph.depth_above(leader) for leader in graph.edges.leaders), default=0)
    below = max((graph.depth_below(follower) for follower in graph.edges.followers), default=-1)
    depth = above + 1 + below
    if depth <= MAX_CHAIN_DEPTH:
        return None
    return _refuse(
        "chain_too_long",
        f"A trade would be copied {depth} times in a row, above MAX_CHAIN_DEPTH ({MAX_CHAIN_DEPTH}).",
    )


class _Graph:
    """The graph as it would be. Depths are counted in copies: a follower nobody copies has 0 below it."""

    def __init__(self, state: State, edges: Edges) -> None:
        self.edges = edges
        self._state = state
        self._followers = frozenset(edges.followers)
        self._below: dict[AccountId, int] = {}

    def followers_of(self, account: AccountId) -> Iterator[AccountId]:
        for subscription in self._state.by_leader.get(account, ()):
            if subscription not in self.edges.replaced:
                yield self._state.subscriptions[subscription].follower
        if account in self.edges.leaders:
            yield from self.edges.followers

    def count_followers(self, leader: AccountId) -> int:
        """Subscriptions that would copy this one of the edges' leaders; costs what is replaced, not what there is."""
        now = self._state.by_leader.get(leader, ())
        replaced = sum(1 for subscription in self.edges.replaced if _holds(now, subscription))
        return len(now) - replaced + len(self.edges.followers)

    def leaders_of(self, account: AccountId) -> Iterator[AccountId]:
        for subscription in self._state.by_follower.get(account, ()):
            if subscription not in self.edges.replaced:
                yield from self._state.groups[self._state.subscriptions[subscription].group].leaders
        if account in self._followers:
            yield from self.edges.leaders

    def depth_below(self, account: AccountId) -> int:
        """Longest chain of copies of this account's trades; the graph has no circles, so it ends."""
        if account not in self._below:
            self._below[account] = max(
                (1 + self.depth_below(f) for f in self.followers_of(account)), default=0
            )
        return self._below[account]

    def depth_above(self, account: AccountId) -> int:
        return max((1 + self.depth_above(leader) for leader in self.leaders_of(account)), default=0)


def _holds(ascending: tuple[SubscriptionId, ...], subscription: SubscriptionId) -> bool:
    at = bisect_left(ascending, subscription)
    return at < len(ascending) and ascending[at] == subscription


def _refuse(code: str, detail: str) -> Refusal:
    return Refusal(status=422, code=code, detail=detail)
