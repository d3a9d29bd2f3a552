"""A real year of an account and two brokers' real quotes through the run; made-up ones do so in the other files."""

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from kopitra.domain.sizing_modes import BalanceRatio
from kopitra.simulation.statements import read_statement
from kopitra.simulation.whatif.plan import BrokerPlan
from kopitra.simulation.whatif.run import what_if
from kopitra.simulation.whatif.tapes import Feeds
from kopitra.simulation.whatif.ticks import TickFile
from tests.unit.whatif.stories import MONDAY, D, Story, follower, plan, rules

MOST_SECONDS = 30.0
"""Of a processor, for two followers; it takes about four."""
A_THOUSANDTH = D("0.001")
NOON = datetime(2014, 5, 7, 12, tzinfo=UTC)


def test_a_real_year_is_copied_to_the_leaders_own_result(shared_data: Path) -> None:
    statement = shared_data / "statements" / "mt4-detailed-2019-2020.htm"
    timeline = read_statement(statement.read_bytes())
    broker = BrokerPlan(stop_out_percent=None, leverage=1000)
    same = follower(currency="JPY", deposit=D(500_000), broker=broker)
    ratio = follower(rules(sizing=BalanceRatio()), currency="EUR", deposit=D(10_000), broker=broker)
    began = time.process_time()
    result = what_if(timeline, plan(followers={"same": same, "ratio": ratio}, latency_ms=20))
    assert time.process_time() - began < MOST_SECONDS
    leader, (mine, euros) = result.leader, result.followers
    assert leader.balance == D(151_396)
    assert abs(mine.profit - leader.profit) < abs(leader.profit) * A_THOUSANDTH
    assert (mine.copied, mine.skipped, mine.trades.closed) == (1_917, 0, leader.trades.closed)
    assert abs(euros.growth - leader.growth) < 10
    assert not mine.refusals
    assert {"jp225: one lot is 1000 units, as the statement's own profits tell"} <= set(result.notes)


def real_ticks(folder: Path, broker: str) -> list[TickFile]:
    files = sorted((folder / "ticks").glob(f"eurusd-{broker}-*.zip"))
    assert len(files) == 2
    return [TickFile(name=file.name, open=lambda file=file: file.open("rb")) for file in files]


def test_two_brokers_real_quotes_make_slippage(shared_data: Path) -> None:
    """A leader trades every ten minutes at the one broker's price; its follower is at the other."""
    feeds = {"leader": real_ticks(shared_data, "fxcm"), "followers": real_ticks(shared_data, "oanda")}
    tape = Feeds(feeds, ["EURUSD"], NOON, NOON + timedelta(hours=6))
    prices: dict[int, Decimal] = {}
    for tick in tape.ticks():
        if tick.feed == "leader":
            prices[int((tick.at - NOON) / timedelta(minutes=10))] = tick.quote.ask
    begin = (NOON - MONDAY) / timedelta(minutes=1)
    story = Story("0").cash(begin, "100000")
    story.open(begin + 1, "first", str(prices[0]), "0.1")
    for slot in range(1, 36):
        story.open(begin + slot * 10 + 10, f"p{slot}", str(prices[slot]), "0.1")
        story.close(begin + slot * 10 + 15, f"p{slot}", str(prices[slot]))
    result = what_if(story.timeline(), plan(follower(deposit=D(100_000)), latency_ms=500), feeds)
    part = result.followers[0]
    assert any(file.crossed for file in result.quotes)
    assert sum(file.used for file in result.quotes) > 20_000
    assert part.slippage.fills == 71
    assert D(0) < part.slippage.mean < D(60)
    assert part.copied == 36
    assert part.drawdown.percent < 1
