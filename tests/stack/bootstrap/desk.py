"""Stand-ins for az and pulumi that write down what was asked, and answer as if some things existed."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stack.bootstrap.plan import Place
from stack.bootstrap.running import Hands

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
DIRECTORY = "22222222-3333-4444-5555-666666666666"
APPLICATION = "33333333-4444-5555-6666-777777777777"
PRINCIPAL = "44444444-5555-6666-7777-888888888888"
PLACE = Place("dev", SUBSCRIPTION, "westeurope")
KID = f"https://{PLACE.vault}.vault.azure.net/keys/pulumi-secrets/0123456789abcdef0123456789abcdef"
LOOKING = (" show", "az ad app list", "--method GET")
STAND_IN = f"""#!{sys.executable}
import json, os, sys
from pathlib import Path
name, arguments, given = Path(sys.argv[0]).name, sys.argv[1:], "" if sys.stdin.isatty() else sys.stdin.read()
said = " ".join([name, *arguments])
with open(os.environ["ASKED"], "a") as asked:
    print(json.dumps([said, given]), file=asked)
known = json.loads(os.environ.get("KNOWN", "[]"))
if said.startswith("az account show --query id"):
    print(json.dumps({SUBSCRIPTION!r}))
elif said.startswith("az account show --query tenantId"):
    print({DIRECTORY!r})
elif said.startswith("az ad signed-in-user"):
    print(json.dumps("my-object-id"))
elif any(looking in said for looking in {LOOKING!r}) and not any(each in said for each in known):
    sys.exit(3 if " show" in said else 0)
elif said.startswith("az keyvault key"):
    print({KID!r})
elif said.startswith("az ad app"):
    print(os.environ.get("APPLICATIONS", {APPLICATION!r}))
elif said.startswith("az ad sp"):
    print({PRINCIPAL!r})
elif said.startswith("pulumi config --stack"):
    print(os.environ.get("CONFIG", "{{}}"))
elif said.startswith("pulumi config get"):
    print(os.environ["KEYS"])
else:
    print("done")
"""


@dataclass
class Desk:
    """A folder with stand-ins, and a copy of the environments' files with a subscription filled in."""

    folder: Path
    asked_file: Path = field(init=False)

    def __post_init__(self) -> None:
        self.asked_file = self.folder / "asked"
        for name in ("az", "pulumi"):
            program = self.folder / "bin" / name
            program.parent.mkdir(exist_ok=True)
            program.write_text(STAND_IN)
            program.chmod(0o755)

    def hands(self, **variables: str) -> Hands:
        """`KNOWN`: a JSON list of texts; what is looked for by a command with one of them exists."""
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "ASKED": str(self.asked_file), **variables}

        def run(command: Sequence[str], given: str | None = None) -> subprocess.CompletedProcess[str]:
            program = str(self.folder / "bin" / command[0])
            return subprocess.run(
                [program, *command[1:]],
                input=given or "",
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )

        return Hands(run=run, sleep=self.never, say=lambda said: None)

    @staticmethod
    def never(seconds: float) -> None:
        raise AssertionError("nothing had to be waited for")

    @property
    def asked(self) -> list[tuple[str, str]]:
        return [tuple(json.loads(line)) for line in self.asked_file.read_text().splitlines()]

    @property
    def changes(self) -> list[str]:
        return [said for said, _ in self.asked if not any(looking in said for looking in LOOKING)]
