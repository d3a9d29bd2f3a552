"""How the cycle collector treats a heap that is one large tree: seldom, and never the part that recovery built.

Left alone it walks the whole state again and again for cycles that a tree cannot have; with a thousand accounts each
walk stops the event loop for about a tenth of a second (docs/decisions/0091).
"""

import gc

YOUNG_OBJECTS = 10_000
"""A signal to a thousand followers makes about as many: one short look for each, instead of fourteen."""
YOUNG_LOOKS = 20
OLDER_LOOKS = 50


def calm_collector() -> None:
    """Look less often. Call it before the state is built."""
    gc.set_threshold(YOUNG_OBJECTS, YOUNG_LOOKS, OLDER_LOOKS)


async def set_aside_what_is_there() -> None:
    """Everything that lives now lives for long: keep it out of every later look. Cheap, whatever is there."""
    gc.freeze()
