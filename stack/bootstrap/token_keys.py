"""`make token-keys`: a new key for session tokens, beside the one in use. None is shown, or passed by argument."""

import base64
import json
import secrets
from datetime import UTC, datetime
from typing import cast

from stack.bootstrap.running import Hands, StepFailed

CONFIG = "kopitra:tokenKeys"
KEY_BYTES = 32
KEPT = 2
"""The new key, and the one before: sessions that it signed end within their time to live."""


def rotate(environment: str, hands: Hands, *, now: datetime | None = None) -> str:
    """The id of the new key. Raises StepFailed."""
    keys = _current(environment, hands)
    made = (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H%M%SZ")
    keys[made] = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
    kept = {name: keys[name] for name in sorted(keys)[-KEPT:]}
    command = ("pulumi", "config", "set", "--stack", environment, "--secret", CONFIG)
    done = hands.run(command, json.dumps(kept))
    if done.returncode:
        raise StepFailed(f"the keys were not set: {done.stderr.strip()}")
    return made


def _current(environment: str, hands: Hands) -> dict[str, str]:
    """None where there are none yet. Any other failure must not pass for that: the keys in use would be lost."""
    listed = hands.run(("pulumi", "config", "--stack", environment, "--json"))
    if listed.returncode:
        raise StepFailed(f"the configuration of {environment} cannot be read: {listed.stderr.strip()}")
    if CONFIG not in json.loads(listed.stdout):
        return {}
    found = hands.run(("pulumi", "config", "get", "--stack", environment, CONFIG))
    if found.returncode:
        raise StepFailed(f"the keys in use cannot be read: {found.stderr.strip()}")
    return cast("dict[str, str]", json.loads(found.stdout))
