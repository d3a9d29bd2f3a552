"""Histories made to measure for tests: as many of each kind of event as are asked for, the same for the same
seed."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from kopitra.simulation.draws import SeededDraws
from kopitra.simulation.histories.leader_desk import LeaderDesk
from kopitra.simulation.histories.leader_whims import LeaderWhims
from kopitra.simulation.histories.market import POPULAR, Market, WalkingSymbol
from kopitra.simulation.timeline import Action, LeaderAccount, Reason, Timeline, in_order

MONDAY = datetime(2024, 3, 4, 7, 0, tzinfo=UTC)
CLOSES_PER_MILLE = 150
"""How often a decision is followed by a close at the market."""
CASH_AMOUNTS = (Decimal(5000), Decimal(-1500), Decimal(2500), Decimal(-750))


class Knobs(msgspec.Struct, frozen=True, kw_only=True):
    """How much of what; each number is a minimum that the history reaches, seconds are those between two
    decisions."""

    positions: int = 150
    """Opened at the market; filled orders come on top."""
    partial_closes: int = 200
    modifications: int = 100
    stopped: int = 30
    """Closed by their own stop loss or take profit."""
    pending_filled: int = 25
    pending_cancelled: int = 20
    bursts: int = 12
    """Seconds with several events in each."""
    near_misses: int = 20
    """How often the market turns just short of a stop: followers with a wider spread are stopped out first."""
    cash_operations: int = 4
    kept: int = 3
    """Positions opened at the beginning and held to the end."""
    left_open: int = 3
    left_working: int = 2
    pace: tuple[int, int] = (20, 1500)
    deposit: Decimal = Decimal(50_000)
    symbols: tuple[WalkingSymbol, ...] = POPULAR
    changes_tickets: bool = True
    """As MT4: what a partial close leaves has a new ticket."""
    start: datetime = MONDAY


def generated_history(seed: int, knobs: Knobs | None = None) -> Timeline:
    """A consistent history: no stop and no order is ever passed over, and each fires at exactly its price."""
    knobs = knobs or Knobs()
    desk = LeaderDesk(Market(knobs.symbols), knobs.start, changes_tickets=knobs.changes_tickets)
    whims = LeaderWhims(desk, SeededDraws(seed, "history"), tuple(symbol.name for symbol in knobs.symbols))
    desk.cash(knobs.deposit, "deposit")
    desk.wait(1)
    for symbol in knobs.symbols:
        desk.show(symbol.name)
    for _ in range(knobs.kept):
        whims.pass_time(knobs.pace)
        whims.open(kept=True)
    _live(desk, whims, knobs, SeededDraws(seed, "plan"))
    _wind_down(desk, knobs)
    return Timeline(
        source="generated",
        account=LeaderAccount(currency="USD", leverage=100),
        events=in_order(desk.events),
        notes=(f"made up from seed {seed}",),
    )


def _live(desk: LeaderDesk, whims: LeaderWhims, knobs: Knobs, draws: SeededDraws) -> None:
    """One decision after another until there is enough of everything; what lacks most is likeliest to come
    next."""
    plan = _Plan(desk, whims)
    while lacking := plan.lacking(knobs):
        whims.pass_time(knobs.pace)
        whims.drift()
        pick = draws.below(sum(lacking.values()))
        for name, count in lacking.items():
            if pick < count:
                plan.carry_out(name)
                break
            pick -= count
        if draws.chance(CLOSES_PER_MILLE):
            whims.close()


class _Plan:
    """What there is to do, and what of it was done."""

    def __init__(self, desk: LeaderDesk, whims: LeaderWhims) -> None:
        self._desk = desk
        self._whims = whims
        self._bursts = self._near_misses = self._cash = self._stopped = 0
        self._seen = 0
        self._counted: dict[Action, int] = dict.fromkeys(Action, 0)

    def lacking(self, knobs: Knobs) -> dict[str, int]:
        """How many of each thing are still wanted; empty when all is done."""
        for event in self._desk.events[self._seen :]:
            self._counted[event.action] += 1
            self._stopped += event.reason in (Reason.STOP_LOSS, Reason.TAKE_PROFIT)
        self._seen = len(self._desk.events)
        counted = self._counted
        wanted = {
            "open": knobs.positions - counted[Action.OPEN],
            "part": knobs.partial_closes - counted[Action.PARTIAL_CLOSE],
            "modify": knobs.modifications - counted[Action.MODIFY] - counted[Action.PENDING_MODIFIED],
            "stop": knobs.stopped - self._stopped,
            "fill": knobs.pending_filled - counted[Action.PENDING_FILLED],
            "cancel": knobs.pending_cancelled - counted[Action.PENDING_CANCELLED],
            "burst": knobs.bursts - self._bursts,
            "miss": knobs.near_misses - self._near_misses,
            "cash": knobs.cash_operations - self._cash,
        }
        return {name: count for name, count in wanted.items() if count > 0}

    def carry_out(self, name: str) -> None:
        """Does it, or where nothing allows it, opens a position that may."""
        if not self._tried(name):
            self._whims.open(scaled=name == "part")

    def _tried(self, name: str) -> bool:
        whims = self._whims
        match name:
            case "part":
                return whims.close_part()
            case "modify":
                return whims.modify()
            case "stop":
                return whims.reach_a_stop()
            case "fill":
                return whims.fill_an_order() or whims.place()
            case "cancel":
                return whims.cancel() or whims.place()
            case "burst":
                self._bursts += 1
                return whims.burst()
            case "miss":
                missed = whims.near_miss()
                self._near_misses += missed
                return missed
            case "cash":
                self._move_cash(CASH_AMOUNTS[self._cash % len(CASH_AMOUNTS)])
                return True
            case _:
                return False

    def _move_cash(self, amount: Decimal) -> None:
        self._desk.cash(amount, "deposit" if amount > 0 else "withdrawal")
        self._cash += 1


def _wind_down(desk: LeaderDesk, knobs: Knobs) -> None:
    """The last day: what is not to stay open is closed, oldest first."""
    spare = [holding for holding in desk.positions() if not holding.kept]
    kept = len(desk.positions()) - len(spare)
    for holding in spare[: max(0, kept + len(spare) - knobs.left_open)]:
        desk.wait(knobs.pace[0])
        desk.close(holding)
    for holding in desk.orders()[knobs.left_working :]:
        desk.wait(knobs.pace[0])
        desk.cancel(holding)
