"""Positions that an owner opened by hand become copies while processes and terminals fail: what fits one of the
leader's trades follows it from then on, once, and what fits none is left alone to the end."""

from decimal import Decimal
from random import Random

import pytest

from kopitra.domain.orders import Side
from kopitra.simulation.broker.profiles import COMMENTS_DROPPED, MT4, MT5, BrokerProfile
from kopitra.simulation.virtual_time import VirtualTime, run_virtual
from kopitra_agent.settings import Role
from tests.simulation.platform import LEADER, Party, SimulatedPlatform
from tests.simulation.test_reconciliation_stories import SAME, subscribe

FOLLOWER = "follower"
SEEDS = 4
TRADES = 4
FITS, ABSENT, TWINS = "fits", "absent", "twins"
STRANGER = Decimal("0.77")
"""A volume that no leader's trade has."""


class Story:
    """The leader's trades have volumes of their own, so that each position tells whose it may be."""

    def __init__(self, platform: SimulatedPlatform, draws: Random) -> None:
        self.platform, self.draws = platform, draws
        self.leader, self.follower = platform.parties[LEADER], platform.parties[FOLLOWER]
        kinds = [FITS, *draws.choices((FITS, FITS, ABSENT, TWINS), k=TRADES - 1)]
        self.trades = {Decimal(number) / 5: kind for number, kind in enumerate(kinds, 1)}
        self.side = draws.choice(list(Side))

    def begin(self) -> None:
        for volume, kind in self.trades.items():
            self.platform.open_by_hand(LEADER, self.side, str(volume))
            for _ in range({FITS: 1, ABSENT: 0, TWINS: 2}[kind]):
                self.platform.open_by_hand(FOLLOWER, self.side, str(volume))
        self.platform.open_by_hand(FOLLOWER, self.side, str(STRANGER))

    @property
    def adopted(self) -> set[Decimal] | None:
        """By the volumes that they began with; None while nobody serves."""
        if self.platform.service is None or self.platform.service.core.engine.phase != "serving":
            return None
        book = self.platform.service.core.engine.state.accounts[FOLLOWER].following  # type: ignore[index]
        return {copy.planned_volume for copy in book.copies.values() if copy.live}

    def wanted(self, left: dict[Decimal, Decimal]) -> list[Decimal]:
        """What the follower is to hold: its share of what is left, its twins whole, and what is its own."""
        copies = [left[volume] for volume, kind in self.trades.items() if kind == FITS and left[volume]]
        twins = [volume for volume, kind in self.trades.items() if kind == TWINS for _ in range(2)]
        return sorted([*copies, *twins, STRANGER])

    def reduce(self, volume: Decimal, left: dict[Decimal, Decimal], by: Decimal) -> None:
        held = next(p for p in self.leader.positions if p.volume == left[volume])
        self.platform.by_hand(LEADER, position=held.ticket, side=self.side.opposite, volume=by)
        left[volume] -= by

    async def trouble(self) -> None:
        platform, draws = self.platform, self.draws
        await platform.time.sleep(draws.choice([0.01, 0.2, 1.0, 7.0]))
        match draws.choice(["nothing", "nothing", "counterparty", "agent", "terminal"]):
            case "counterparty":
                platform.crash_counterparty()
                await platform.time.sleep(draws.choice([0.1, 4.0]))
                platform.start_counterparty()
            case "agent":
                name = draws.choice([LEADER, FOLLOWER])
                platform.crash_agent(name)
                await platform.time.sleep(draws.choice([0.1, 4.0]))
                platform.start_agent(name)
            case "terminal":
                self.follower.terminal.crash()
                await platform.time.sleep(draws.choice([0.5, 5.0]))
                self.follower.terminal.restart()
            case _:
                pass


def held(party: Party) -> list[Decimal]:
    return sorted(position.volume for position in party.positions)


@pytest.mark.parametrize("profile", [MT5, MT4, COMMENTS_DROPPED], ids=lambda profile: profile.name)
def test_what_fits_is_adopted_once_and_follows_and_the_rest_is_left_alone(
    profile: BrokerProfile, seed: int
) -> None:
    async def main(time: VirtualTime, draws: Random) -> None:
        platform = SimulatedPlatform(time)
        platform.party(LEADER, Role.LEADER, deposit=1_000_000)
        platform.party(FOLLOWER, Role.FOLLOWER, deposit=1_000_000, profile=profile)
        platform.start_counterparty()
        await platform.configure({})
        platform.quote("EURUSD", "1.10000", "1.10010")
        for name in platform.parties:
            platform.start_agent(name)
        await time.sleep(10)
        story = Story(platform, draws)
        story.begin()
        await time.sleep(5)
        await subscribe(platform, SAME | {"unknownPosition": "adopt"})
        fitting = {volume for volume, kind in story.trades.items() if kind == FITS}
        for _ in range(3):
            await story.trouble()
        await platform.until(lambda: story.adopted == fitting, 400)

        left = {volume: volume for volume in story.trades}
        for volume in story.trades:
            story.reduce(volume, left, Decimal("0.1"))
            await story.trouble()
        await platform.until(lambda: held(story.follower) == story.wanted(left), 400)
        for volume in story.trades:
            story.reduce(volume, left, left[volume])
            await story.trouble()
        await platform.until(lambda: held(story.follower) == story.wanted(left), 400)
        await time.sleep(60)
        assert held(story.follower) == story.wanted(left)
        assert story.adopted == set()

    for number in range(seed, seed + SEEDS):
        draws = Random(f"adopting-{number}-{profile.name}")
        run_virtual(number, lambda time, draws=draws: main(time, draws))
