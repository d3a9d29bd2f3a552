"""One leader, two followers, a crash of the counterparty and of an agent: nothing lost, nothing doubled, and one seed
gives one history, byte for byte."""

from decimal import Decimal

from kopitra.domain.orders import Side
from kopitra.simulation.virtual_time import VirtualTime, run_virtual
from kopitra_agent.settings import Role
from tests.simulation.platform import LEADER, SimulatedPlatform

RULES = {
    "same": {"sizing": {"mode": "same_volume"}},
    "half": {"sizing": {"mode": "multiplier"}, "multiplier": "0.5"},
}


async def story(time: VirtualTime) -> SimulatedPlatform:
    """Open three, close one, crash the counterparty with a trade on its way and an agent while it is down, go on."""
    platform = SimulatedPlatform(time)
    platform.party(LEADER, Role.LEADER)
    for follower in RULES:
        platform.party(follower, Role.FOLLOWER)
    platform.start_counterparty()
    await platform.configure(RULES)
    platform.quote("EURUSD", "1.10000", "1.10010")
    for name in platform.parties:
        platform.start_agent(name)
    await time.sleep(10)
    followers = [platform.parties[name] for name in RULES]
    for volume in ("1", "0.5", "0.2"):
        platform.open_by_hand(LEADER, Side.BUY, volume)
        await time.sleep(0.5)
    await platform.until(lambda: all(len(f.positions) == 3 for f in followers))
    first = platform.parties[LEADER].positions[0]
    platform.by_hand(LEADER, position=first.ticket, side=Side.SELL, volume=first.volume)
    await time.sleep(0.02)
    platform.crash_counterparty()
    platform.open_by_hand(LEADER, Side.SELL, "0.3")
    await time.sleep(2)
    platform.crash_agent("half")
    await time.sleep(1)
    platform.start_counterparty()
    platform.start_agent("half")
    await platform.until(lambda: all(len(f.positions) == 3 for f in followers))
    await time.sleep(60)
    return platform


def volumes(platform: SimulatedPlatform, name: str) -> list[tuple[str, Decimal]]:
    return sorted((str(p.side), p.volume) for p in platform.parties[name].positions)


def test_a_crash_of_either_side_loses_nothing_and_doubles_nothing(seed: int) -> None:
    async def main(time: VirtualTime) -> None:
        platform = await story(time)
        assert volumes(platform, LEADER) == [
            ("buy", Decimal("0.2")),
            ("buy", Decimal("0.5")),
            ("sell", Decimal("0.3")),
        ]
        assert volumes(platform, "same") == volumes(platform, LEADER)
        assert volumes(platform, "half") == [
            ("buy", Decimal("0.10")),
            ("buy", Decimal("0.25")),
            ("sell", Decimal("0.15")),
        ]
        for name in RULES:
            deals = [d for d in platform.parties[name].terminal.desk.broker.state.deals if d.kind == "trade"]
            assert len(deals) == 5, "four opens and one close"

    run_virtual(seed, main)


def test_one_seed_is_one_history(seed: int) -> None:
    first, second = (run_virtual(seed, story).trace for _ in range(2))
    assert first == second
    assert len(first) > 100


def test_another_seed_is_another_history(seed: int) -> None:
    assert run_virtual(seed + 1, story).trace != run_virtual(seed, story).trace
