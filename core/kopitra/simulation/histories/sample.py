"""The history that the demonstration replays where it is given no statement: four weeks of a made-up leader."""

from decimal import Decimal

from kopitra.simulation.histories.generated import Knobs, generated_history
from kopitra.simulation.timeline import Timeline

SEED = 20240304
KNOBS = Knobs(
    positions=330,
    partial_closes=120,
    modifications=180,
    stopped=90,
    pending_filled=30,
    pending_cancelled=25,
    bursts=15,
    near_misses=15,
    cash_operations=3,
    kept=4,
    left_open=6,
    pace=(60, 3000),
    deposit=Decimal(100_000),
)
"""About 350 positions over four weeks. Four of them last from the first day to the end, so that a follower
who joins late meets positions that are none of its own.
"""


def sample_history() -> Timeline:
    """The same timeline every time."""
    return generated_history(SEED, KNOBS)
