"""The machine as the engine drives it: a record of functions, so that a test can put a small one in its place."""

from collections.abc import Callable

import msgspec

from kopitra.domain.identifiers import JournalId
from kopitra.machine.codec import EVENTS
from kopitra.machine.commands import Command
from kopitra.machine.decide import decide
from kopitra.machine.events import Recorded
from kopitra.machine.evolve import evolve
from kopitra.machine.outcome import Context, Result
from kopitra.machine.replay import new_state
from kopitra.machine.state import State
from kopitra.machine.state_codec import decode_state, encode_state, state_hash


class Machine(msgspec.Struct, frozen=True):
    """Each field is the function of the same name in `kopitra.machine`."""

    decide: Callable[[State, Command, Context], Result] = decide
    evolve: Callable[[State, Recorded], None] = evolve
    encode_event: Callable[[Recorded], bytes] = EVENTS.encode
    decode_event: Callable[[bytes], Recorded] = EVENTS.decode
    encode_state: Callable[[State], bytes] = encode_state
    decode_state: Callable[[bytes], State] = decode_state
    state_hash: Callable[[State], str] = state_hash
    new_state: Callable[[JournalId, str], State] = new_state
