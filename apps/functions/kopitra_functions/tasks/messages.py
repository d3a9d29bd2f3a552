"""Messages of `management-tasks`: each asks for one slice of one run."""

from datetime import datetime, timedelta

import msgspec

from kopitra.application.ports.queue import Message

SUBJECT = "task.slice"


class SliceWanted(msgspec.Struct, frozen=True, rename="camel"):
    """Do the slice that is due at this version of the run."""

    run_id: str
    version: int


def slice_message(
    wanted: SliceWanted, *, now: datetime, pause: float = 0.0, again: str | None = None
) -> Message:
    """`pause`: seconds until it may be delivered. `again`: makes an id of its own of the same asking, or the queue
    might take it for a repeat."""
    identity = f"{wanted.run_id}:{wanted.version}"
    return Message(
        body=msgspec.json.encode(wanted),
        message_id=f"{identity}:{again}" if again else identity,
        correlation_id=wanted.run_id,
        subject=SUBJECT,
        scheduled_enqueue_time_utc=now + timedelta(seconds=pause) if pause else None,
    )
