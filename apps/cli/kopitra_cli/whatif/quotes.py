"""`--ticks [WHOSE=]FILE`: which files of quotes belong to whom."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo
from functools import partial
from pathlib import Path

from kopitra.simulation.whatif.plan import RESERVED
from kopitra.simulation.whatif.tapes import EVERYONE
from kopitra.simulation.whatif.ticks import TickFile


class QuotesUnclear(ValueError):
    """An option names nobody whom the settings know."""


def tick_files(
    options: Iterable[str], followers: Sequence[str], zone: tzinfo
) -> Mapping[str, Sequence[TickFile]]:
    """Files by whose quotes they are; without a name they are everybody's. Raises QuotesUnclear, OSError."""
    found: defaultdict[str, list[TickFile]] = defaultdict(list)
    for option in options:
        whose, path = _parted(option, followers)
        path.open("rb").close()
        found[whose].append(TickFile(name=str(path), open=partial(path.open, "rb"), zone=zone))
    return found


def _parted(option: str, followers: Sequence[str]) -> tuple[str, Path]:
    whose, equals, path = option.partition("=")
    if not equals or Path(option).exists():
        return EVERYONE, Path(option)
    if whose in RESERVED or whose in followers:
        return whose, Path(path)
    known = ", ".join((*sorted(RESERVED), *followers))
    raise QuotesUnclear(f"--ticks {option}: {whose!r} is nobody; quotes belong to {known}")
