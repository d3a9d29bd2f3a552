"""What is said of submitted commands: taken or refused, remembered, or not taken because nobody is serving."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

import msgspec

from kopitra.machine.commands import RememberAnswer
from kopitra.machine.outcome import Refusal

RETRY_AFTER_SECONDS = 1
"""A rebuild from a recent snapshot takes less; a take-over takes about ten tries."""

DEFECT = Refusal(
    status=500, code="internal_error", detail="The request met a defect of the service; nothing was changed."
)
PLAN_TOO_LARGE = Refusal(
    status=422, code="plan_too_large", detail="What this would change does not fit one commit of the journal."
)


class Phase(StrEnum):
    STANDBY = "standby"
    """Not the shard's writer: answers nothing."""
    RECOVERING = "recovering"
    """The writer, while its state is rebuilt."""
    SERVING = "serving"
    STOPPING = "stopping"


class Unavailable(Exception):
    """The command was not taken, or whether it was is unknown: the same request may be sent again."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.retry_after = RETRY_AFTER_SECONDS


class Taken(msgspec.Struct, frozen=True):
    """A command that was accepted: the sequences of its events (first and last alike when it changed nothing: then the
    last one known), and the machine's figures for the reply."""

    first: int
    last: int
    changed: bool
    answer: Mapping[str, object]


Outcome = Taken | Refusal
Remember = Callable[[Sequence[Outcome]], RememberAnswer | None]
"""Given what became of a request's commands: the answer to keep in the same commit."""
