"""The AMQP library under the tests' Service Bus broker. It comes as source, so only targets that need it compile it."""

from . import environment
from .steps import ROOT, say

REQUIREMENTS = ROOT / "requirements" / "amqp.txt"
STAMP = environment.VENV / "kopitra-amqp.stamp"


def prepare() -> None:
    """Compile and install it where its lock changed. Needs a C compiler and Python's headers."""
    wanted = environment.digest([REQUIREMENTS])
    if STAMP.exists() and STAMP.read_text() == wanted:
        return
    say("Compiling the AMQP library of the tests' broker (half a minute, only when its lock changed)")
    environment.install(REQUIREMENTS, "build-essential and python3-dev")
    STAMP.write_text(wanted)
