"""When the position of a copy that was left to its follower, or of an operator's own open, has ended: its magic number
means nothing any more."""

from kopitra.domain.identifiers import CopyId
from kopitra.domain.telemetry import PositionSnapshot
from kopitra.machine.decisions.agreement import agreed, speaks_of
from kopitra.machine.decisions.held import HeldBook
from kopitra.machine.outcome import Context
from kopitra.machine.state import Account


def ended_releases(
    account: Account, snapshot: PositionSnapshot, missing: list[CopyId], context: Context
) -> tuple[int, ...]:
    """Magic numbers of released copies and operators' opens that two agreeing snapshots lack; what only this one lacks
    goes to `missing`.

    A command that is under way may still open one, and an older snapshot than it knows nothing of it: then nothing is
    said of it."""
    book = account.following
    if not book.released:
        return ()
    held = HeldBook(snapshot)
    shown = {position.magic for position in held}
    ended: list[int] = []
    for magic, released in book.released.items():
        copy_id = CopyId(released.whose)
        copy = book.copies.get(copy_id)
        if magic in shown or (copy is not None and (held.of(copy) or not speaks_of(copy, snapshot))):
            continue
        if snapshot.applied_through < released.sequence:
            continue
        if released.whose in account.commands or released.whose in snapshot.executing:
            continue
        if agreed(book.missing.get(copy_id), context):
            ended.append(magic)
        else:
            missing.append(copy_id)
    return tuple(ended)
