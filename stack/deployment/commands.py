"""What other programs do for a deployment: the management side's own migrations, and the client of Static Web Apps."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from stack.deployment.world import DeploymentFailed

MIGRATE = (sys.executable, "-m", "kopitra_functions.sql.migrations")
"""In a process of its own: the stack knows no app, and the app's code is installed beside it."""
SWA = "swa"
TELL_CHARACTERS = 2000


def migrate(server: str, database: str, token: str) -> None:
    """By standard input: arguments and environments are seen by others. Raises DeploymentFailed."""
    given = json.dumps({"server": server, "database": database, "token": token})
    done = subprocess.run(MIGRATE, input=given, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DeploymentFailed(
            f"the tables were not brought up to date: {done.stderr.strip()[-TELL_CHARACTERS:]}"
        )


def publish_content(folder: Path, token: str) -> None:
    """Raises DeploymentFailed."""
    program = shutil.which(SWA)
    if program is None:
        raise DeploymentFailed(
            f"the console needs {SWA} on PATH: npm install --global --ignore-scripts @azure/static-web-apps-cli"
        )
    done = subprocess.run(
        [program, "deploy", str(folder), "--env", "production", "--no-use-keychain"],
        env={**os.environ, "SWA_CLI_DEPLOYMENT_TOKEN": token},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        told = (done.stderr or done.stdout).replace(token, "…")
        raise DeploymentFailed(f"the console was not published: {told.strip()[-TELL_CHARACTERS:]}")
