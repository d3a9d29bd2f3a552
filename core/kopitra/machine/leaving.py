"""Which unsubscriptions have copies left that no event had room for yet: `State.leaving`."""

from kopitra.machine.events import UnsubscribedBy
from kopitra.machine.state import State


def leaving_key(scope: UnsubscribedBy, target: str) -> str:
    return f"{scope}:{target}"


def forget_leaving(state: State, scope: UnsubscribedBy, target: str) -> None:
    """It is published anew: what leaves from now on, the event that follows says."""
    state.leaving.pop(leaving_key(scope, target), None)
