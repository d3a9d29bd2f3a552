"""The second check on balance_ratio: was each figure that a size was made of the account's latest?

The decision record says which balances and which rate it used. The brokers' own ledgers say what they should have been:
the balance after some deal that is not older than the last one the journal knew, nor younger than the decision.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from kopitra.domain.identifiers import PositionRef
from kopitra.domain.rates import Rate
from kopitra_cli.demo.broker_story import BrokerStory, LedgerLine
from kopitra_cli.demo.platform_record import Opening

CLOCK_GRAIN = timedelta(milliseconds=1)
"""Brokers and journal stamp whole milliseconds."""


def stale_figures(
    openings: Mapping[PositionRef, Opening], follower: BrokerStory, leader: BrokerStory
) -> Iterator[str]:
    """A sentence for each opening whose size was made of a figure that was not the latest."""
    rates = QuotedRates((follower, leader))
    for ref, opening in openings.items():
        arithmetic = opening.decision.arithmetic
        share = arithmetic.balances if arithmetic is not None else None
        if share is None:
            continue
        told = balances_between(follower.ledger, opening.reported_deal, opening.at)
        if share.follower.amount not in told:
            yield f"{ref}: sized with a balance of {share.follower.amount}, the ledger says {_said(told)}"
        led = balances_between(leader.ledger, opening.leader_deal, opening.at)
        if share.leader not in led:
            yield f"{ref}: sized with a leader's balance of {share.leader}, the ledger says {_said(led)}"
        if share.rate is not None and not rates.had(share.rate):
            yield f"{ref}: sized with a rate of {' '.join(share.rate.path)} that nobody quoted"


def balances_between(ledger: Sequence[LedgerLine], reported: int | None, until: datetime) -> list[Decimal]:
    """What an up-to-date reading may have been: after the reported deal, or any later one up to `until`."""
    first = 0 if reported is None else bisect_left(ledger, reported, key=lambda line: line.deal.deal_id)
    last = bisect_right(ledger, until + CLOCK_GRAIN, key=lambda line: line.deal.executed_at)
    return [line.balance for line in ledger[first:last]]


class QuotedRates:
    """What the brokers of either side quoted, and since when."""

    def __init__(self, stories: Iterable[BrokerStory]) -> None:
        self._since: dict[tuple[str, Decimal], datetime] = {}
        for story in stories:
            for quote in story.quotes:
                key = (quote.symbol, quote.bid + quote.ask)
                if quote.at is not None and quote.at < self._since.get(key, until_the_end(quote.at)):
                    self._since[key] = quote.at

    def had(self, rate: Rate) -> bool:
        """Whether the (one) pair of this rate was quoted like that before the rate was known."""
        if len(rate.path) != 1:
            return False
        inverted = rate.path[0].startswith("1/")
        twice_mid = rate.denominator if inverted else rate.numerator
        since = self._since.get((rate.path[0].removeprefix("1/"), twice_mid))
        return since is not None and since <= rate.at + CLOCK_GRAIN


def until_the_end(like: datetime) -> datetime:
    return datetime.max.replace(tzinfo=like.tzinfo)


def _said(balances: Sequence[Decimal]) -> str:
    return " or ".join(str(balance) for balance in balances[:4]) or "nothing"
