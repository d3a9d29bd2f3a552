"""Who operators are on one machine: a local issuer's key, and the key set by which services know its tokens.

For development only: whoever can read the key file is whoever they say they are.
"""

from pathlib import Path

import msgspec

from kopitra.adapters.embedded.atomic_file import write_atomically
from kopitra.application.ports.timing import Clock
from kopitra_functions.local_issuer import AUDIENCE, ISSUER, LocalIssuer, key_in

KEY_FILE = "issuer.key"
"""Where the management side looks for it too."""
KEY_SET_FILE = "operators.jwks"


def issuer_in(folder: Path, clock: Clock) -> LocalIssuer:
    """The issuer of a data folder, with its key set written beside it. Raises LocalKeyUnusable, OSError."""
    issuer = LocalIssuer(key_in(folder / KEY_FILE), clock)
    content = msgspec.json.encode(issuer.key_set())
    file = folder / KEY_SET_FILE
    if not file.exists() or file.read_bytes() != content:
        write_atomically(file, content, file.with_suffix(".new"))
    return issuer


def operator_settings(folder: Path, prefix: str) -> dict[str, str]:
    """What a service must be told to admit this issuer's operators; `prefix` is that of its settings."""
    return {
        f"{prefix}OPERATOR_ISSUER": ISSUER,
        f"{prefix}OPERATOR_AUDIENCE": AUDIENCE,
        f"{prefix}OPERATOR_JWKS": str(folder / KEY_SET_FILE),
    }
