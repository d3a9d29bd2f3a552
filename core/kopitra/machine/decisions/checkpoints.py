"""How far each consumer of the events has got; nothing is let go of before every consumer has passed it."""

from kopitra.machine.commands import Checkpoint
from kopitra.machine.events import ConsumerCheckpointed
from kopitra.machine.outcome import Context, Decision, Refusal, Result
from kopitra.machine.state import State


def checkpoint(state: State, command: Checkpoint, context: Context) -> Result:
    """Checkpoints only grow; one beyond the journal would mean that the journal lost something. Of another journal, one
    says nothing here."""
    if command.journal_id not in (None, state.journal_id):
        return Decision()
    if command.sequence > state.sequence:
        return Refusal(
            status=409,
            code="checkpoint_ahead",
            detail=f"Consumer {command.consumer} knows sequence {command.sequence}, the journal ends at "
            f"{state.sequence}.",
        )
    if command.sequence <= state.checkpoints.get(command.consumer, 0):
        return Decision()
    return Decision((ConsumerCheckpointed(consumer=command.consumer, sequence=command.sequence),))
