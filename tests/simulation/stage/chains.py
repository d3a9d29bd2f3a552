"""Leaders that follow others: what a trade of theirs is a copy of, as the brokers' ledgers and the settings tell it."""

from typing import TYPE_CHECKING

from kopitra.application.steady_clock import SLEW
from tests.simulation.stage.facts import CopyFacts, Facts, LeaderTrade

if TYPE_CHECKING:
    from tests.simulation.stage.world import World


def copied_by(facts: Facts, account: str, magic: int | None) -> CopyFacts | None:
    """The copy that a position or an order of a leader is itself; None where it is the leader's own."""
    return facts.copies.get((account, magic)) if magic else None


def above(facts: Facts, trade: LeaderTrade) -> LeaderTrade | None:
    """The trade that this one is a copy of; None for a first leader's, and while that one's order rests."""
    copy = copied_by(facts, trade.leader, trade.magic)
    return facts.trade_of(copy) if copy is not None else None


def line_of(facts: Facts, trade: LeaderTrade) -> list[LeaderTrade]:
    """A trade and what it is a copy of, up to the first leader's."""
    line = [trade]
    while (upper := above(facts, line[-1])) is not None:
        line.append(upper)
    return line


def first_of(facts: Facts, trade: LeaderTrade) -> LeaderTrade:
    """Where the age of a trade is counted from."""
    return line_of(facts, trade)[-1]


def relays(facts: Facts, account: str) -> bool:
    """Whether some enabled subscription copies on what this account copies from others."""
    shadow = facts.shadow
    for subscription in shadow.subscriptions.values():
        group = shadow.groups[subscription.group]
        on = subscription.enabled and group.enabled and group.copies_of_copies
        if on and account in group.leaders:
            return True
    return False


def is_over(world: "World", copy: CopyFacts) -> bool:
    """Whether nothing is left of what a copy is of: the position is closed, or the order gone without a fill; or of
    what that is a copy of in its turn."""
    facts = world.watch.facts
    trade = facts.trade_of(copy)
    if trade is None:
        return not world.parties[copy.leader].rests(copy.ref)
    return any(not each.left for each in line_of(facts, trade))


def misjudged(world: "World", since: float) -> float:
    """Seconds by which the counterparty's clock, by which the core counts how old a copy's trade is, may have gone too
    fast or too slow since then: a process that starts takes its machine's time, one that runs comes closer slowly."""
    slewed = (world.time.monotonic() - since) * SLEW if world.clock_steps else 0.0
    if not any(at >= since for at in world.watch.facts.terms):
        return slewed
    ahead, errors = 0.0, [0.0]
    for _, by in world.clock_steps:
        ahead += by.total_seconds()
        errors.append(ahead)
    return max(errors) - min(errors) + slewed
