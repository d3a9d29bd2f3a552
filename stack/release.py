"""Which commit is deployed: for people only. An app's build is its package's hash, so documentation changes no app."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
UNKNOWN = "unknown"
"""Outside a repository: an unpacked archive."""


def described(root: Path = ROOT) -> str:
    """What `git describe` says of the checkout."""
    command = ["git", "-C", str(root), "describe", "--tags", "--always", "--dirty"]
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=own)
    except OSError:
        return UNKNOWN
    return done.stdout.strip() if done.returncode == 0 else UNKNOWN
