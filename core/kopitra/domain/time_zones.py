"""Time zones of the pinned `tzdata` package, never the machine's own: a decision must not depend on where it is made.

The one file of the core that reads anything: constant data of a locked dependency (docs/decisions/0130).
"""

import re
from datetime import tzinfo
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

_NAME = re.compile(r"[A-Za-z0-9_+\-]+(/[A-Za-z0-9_+\-]+){0,2}", re.ASCII)
MOST_ZONES = 1024
"""There are about 600 names; asking for a wrong one is remembered as well."""


@lru_cache(maxsize=MOST_ZONES)
def zone_named(name: str) -> tzinfo | None:
    """The zone of an IANA name ("Europe/Athens"), or None where there is none of that name."""
    if not _NAME.fullmatch(name):
        return None
    source = files("tzdata").joinpath("zoneinfo", *name.split("/"))
    if not source.is_file():
        return None
    try:
        with source.open("rb") as content:
            return ZoneInfo.from_file(content, key=name)
    except ValueError:
        return None
