"""Golden journals: real events of each release, and what the state was after them.

One file a release, `journal-VERSION.bin` (frames, compressed), beside `journal-VERSION.json` (what it replays to).
"""

import zlib
from pathlib import Path

import msgspec

from kopitra.application.ports.journal import Frame
from kopitra.domain.identifiers import JournalId
from kopitra.machine.replay import new_state, replay
from kopitra.machine.state import State
from kopitra.machine.state_codec import state_hash

FOLDER = Path(__file__).parent
JOURNAL, SHARD = JournalId("golden"), "s0"


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The hash says that something differs, the counts say where to look."""

    state_hash: str
    sequence: int
    events: int
    pending: int
    """Items in all outboxes."""
    live_copies: int
    sessions: int
    answers: int


def releases() -> list[str]:
    return sorted(path.stem.removeprefix("journal-") for path in FOLDER.glob("journal-*.bin"))


def read_frames(release: str) -> list[Frame]:
    content = zlib.decompress((FOLDER / f"journal-{release}.bin").read_bytes())
    return msgspec.msgpack.decode(content, type=list[Frame])


def read_outcome(release: str) -> Outcome:
    return msgspec.json.decode((FOLDER / f"journal-{release}.json").read_bytes(), type=Outcome)


def write_frames(release: str, frames: list[Frame]) -> None:
    content = zlib.compress(msgspec.msgpack.encode(frames), level=9)
    (FOLDER / f"journal-{release}.bin").write_bytes(content)


def write_outcome(release: str, outcome: Outcome) -> None:
    content = msgspec.json.format(msgspec.json.encode(outcome), indent=2)
    (FOLDER / f"journal-{release}.json").write_bytes(content + b"\n")


def replayed(release: str) -> Outcome:
    frames = read_frames(release)
    return summed_up(replay(new_state(JOURNAL, SHARD), frames), len(frames))


def summed_up(state: State, events: int) -> Outcome:
    accounts = state.accounts.values()
    copies = [copy for account in accounts for copy in account.following.copies.values()]
    return Outcome(
        state_hash=state_hash(state),
        sequence=state.sequence,
        events=events,
        pending=sum(len(account.outbox) for account in accounts),
        live_copies=sum(1 for copy in copies if copy.live),
        sessions=sum(1 for account in accounts if account.session is not None),
        answers=sum(len(account.keys) for account in accounts),
    )
