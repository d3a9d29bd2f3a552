"""An independent reference for copying: what each follower of a leader must end up doing, written from the
rules alone.

It imports nothing of the product and shares no code with it, so that agreement between the two means
something. The rules are those of the design's "Copy semantics"; inputs and outputs are plain dictionaries,
tuples and Decimals.

expectation = expected(events, rules, balances) assert not differences("follower-2", expectation.steps,
what_the_broker_recorded)
"""

from .comparing import differences
from .copying import Expectation, Held, Step, expected
from .ordering import in_order
from .sizing import copied_volume

__all__ = ["Expectation", "Held", "Step", "copied_volume", "differences", "expected", "in_order"]
