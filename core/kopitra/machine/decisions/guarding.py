"""Which guard, if any, keeps a follower from opening one more copy."""

from kopitra.domain.skips import Skip
from kopitra.domain.symbols import SymbolSpec
from kopitra.domain.trading import Order
from kopitra.machine.outcome import Context
from kopitra.machine.state import State, Subscription


def refuse_open(
    state: State, subscription: Subscription, order: Order, spec: SymbolSpec, context: Context
) -> Skip | None:
    """The first guard of follower, group or platform that this open would break; None where none would."""
    return None
