"""Record golden journals: `python -m tests.golden.record new VERSION`, or `outcomes` after a wanted change of state.

A journal of a release that somebody runs is never recorded anew: its events are what their journals hold. Its outcome
is, when the state learns something; the diff of the JSON files then shows what changed.
"""

import sys
from itertools import count

from kopitra.application.ports.journal import Frame
from kopitra.machine.codec import EVENTS
from kopitra.machine.events import Event
from kopitra.machine.replay import new_state
from kopitra.simulation.draws import SeededDraws
from tests.golden.journals import (
    JOURNAL,
    SHARD,
    read_outcome,
    releases,
    replayed,
    write_frames,
    write_outcome,
)
from tests.unit.machine.random_trading import TradingWorld

STEPS = 2_000
"""One seed in fifty reaches every event in so many steps (a quarter of a second each); the file stays near 100 KiB."""


def kinds(frames: list[Frame]) -> set[type[Event]]:
    return {type(EVENTS.decode(frame.data).event) for frame in frames}


def walk_through_every_event() -> list[Frame]:
    """The first seed's walk in which everything happens that can happen."""
    for seed in count():
        world = TradingWorld(SeededDraws(seed))
        world.machine.state = new_state(JOURNAL, SHARD)
        world.set_up()
        for _ in range(STEPS):
            world.step()
        if kinds(world.machine.frames) == set(Event.__subclasses__()):
            return world.machine.frames
    raise AssertionError("count() has no end")


def main(arguments: list[str]) -> int:
    match arguments:
        case ["new", release]:
            write_frames(release, walk_through_every_event())
            write_outcome(release, replayed(release))
        case ["outcomes"]:
            for release in releases():
                before, after = read_outcome(release), replayed(release)
                write_outcome(release, after)
                print(f"{release}: {'unchanged' if before == after else 'changed'}")
        case _:
            print(__doc__)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
