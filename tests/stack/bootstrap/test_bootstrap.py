"""`make bootstrap` and `make token-keys` with stand-ins for az and pulumi that write down what was asked."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from scripts.tooling.steps import ROOT
from stack.bootstrap.plan import BootstrapRefused, Place, place_of, steps
from stack.bootstrap.running import PATIENCE_SECONDS, Hands, StepFailed, carry_out
from stack.bootstrap.token_keys import rotate

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
PLACE = Place("dev", SUBSCRIPTION, "westeurope")
STAND_IN = f"""#!{sys.executable}
import json, os, sys
from pathlib import Path
name, arguments, given = Path(sys.argv[0]).name, sys.argv[1:], "" if sys.stdin.isatty() else sys.stdin.read()
said = " ".join([name, *arguments])
with open(os.environ["ASKED"], "a") as asked:
    print(json.dumps([said, given]), file=asked)
known = json.loads(os.environ.get("KNOWN", "[]"))
if said.startswith("az account show"):
    print(json.dumps({SUBSCRIPTION!r}))
elif said.startswith("az ad signed-in-user"):
    print(json.dumps("my-object-id"))
elif "show" in arguments:
    sys.exit(0 if any(each in said for each in known) else 3)
elif said.startswith("pulumi config --stack"):
    print(os.environ.get("CONFIG", "{{}}"))
elif said.startswith("pulumi config get"):
    print(os.environ["KEYS"])
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
        return [said for said, _ in self.asked if " show" not in said]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def dry_run(environment: str, root: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    program = (
        "from pathlib import Path; import stack.bootstrap.__main__ as entry\n"
        f"entry.ROOT = Path({str(root)!r}); raise SystemExit(entry.main('bootstrap'))"
    )
    command = [sys.executable, "-c", program]
    given = {**os.environ, "ENV": environment, "DRY_RUN": "1", "PATH": "/nowhere", **variables}
    return subprocess.run(
        command, cwd=ROOT, env=given, capture_output=True, text=True, check=False, timeout=60
    )


def test_the_first_bootstrap_makes_everything_and_asks_who_is_there_first(desk: Desk) -> None:
    carry_out(steps(PLACE, "workflow-object-id"), PLACE, desk.hands())

    assert desk.asked[0][0].startswith("az account show")
    made = [" ".join(said.split()[:4]) for said in desk.changes]
    assert made == [
        "az group create --name",
        "az storage account create",
        "az storage account blob-service-properties",
        "az storage container-rm create",
        "az keyvault create --name",
        "az role assignment create",
        "az role assignment create",
        "az role assignment create",
        "az role assignment create",
        "az keyvault key create",
        f"pulumi login {PLACE.backend}",
        "pulumi stack select dev",
    ]
    grants = [said for said in desk.changes if "role assignment" in said]
    assert sum("Key Vault Crypto Officer" in said and "my-object-id" in said for said in grants) == 1
    assert sum("Key Vault Crypto User" in said and "workflow-object-id" in said for said in grants) == 1
    assert sum("my-object-id --assignee-principal-type User" in said for said in grants) == 2
    assert (
        sum("workflow-object-id --assignee-principal-type ServicePrincipal" in said for said in grants) == 2
    )


def test_what_exists_is_left_as_it_is_and_the_key_above_all(desk: Desk) -> None:
    everything = ["group", "storage", "keyvault"]

    carry_out(steps(PLACE), PLACE, desk.hands(KNOWN=json.dumps(everything)))

    creations = [said for said in desk.changes if " create " in said and "role" not in said]
    assert creations == []
    assert desk.changes[-1].endswith(PLACE.secrets_provider)


def test_the_state_is_open_to_identities_only(desk: Desk) -> None:
    carry_out(steps(PLACE), PLACE, desk.hands())

    [account] = [said for said in desk.changes if "storage account create" in said]
    for wanted in ("--allow-shared-key-access false", "--allow-blob-public-access false", "TLS1_2"):
        assert wanted in account


def test_another_subscription_than_the_files_is_refused_before_anything_is_made(desk: Desk) -> None:
    elsewhere = Place("dev", "99999999-2222-3333-4444-555555555555", "westeurope")

    with pytest.raises(BootstrapRefused, match="az account set --subscription 99999999"):
        carry_out(steps(elsewhere), elsewhere, desk.hands())
    assert desk.changes == []


def test_a_grant_that_does_not_hold_yet_is_waited_for_and_at_last_given_up() -> None:
    waited: list[float] = []

    def run(command: Sequence[str], given: str | None = None) -> subprocess.CompletedProcess[str]:
        said = shlex.join(command)
        if "key create" in said or "key show" in said:
            return subprocess.CompletedProcess(command, 1, "", "Forbidden: no grant yet")
        answer = json.dumps(SUBSCRIPTION if "account show" in said else "me")
        return subprocess.CompletedProcess(command, 0, answer, "")

    with pytest.raises(
        StepFailed, match=r"the key that Pulumi's secrets are under: .*Forbidden: no grant yet"
    ):
        carry_out(steps(PLACE), PLACE, Hands(run=run, sleep=waited.append, say=lambda said: None))
    assert sum(waited) == PATIENCE_SECONDS


def test_the_placeholder_of_a_subscription_is_refused() -> None:
    with pytest.raises(
        BootstrapRefused, match=r"Pulumi\.dev\.yaml: kopitra:subscriptionId is still the placeholder"
    ):
        place_of("dev", ROOT)


def test_an_environment_that_does_not_exist_is_refused() -> None:
    with pytest.raises(BootstrapRefused, match="ENV must be one of dev, staging, prod, not ''"):
        place_of("", ROOT)


def test_a_dry_run_shows_each_command_and_needs_no_program(tmp_path: Path) -> None:
    filled = (
        (ROOT / "Pulumi.prod.yaml").read_text().replace("00000000-0000-0000-0000-000000000000", SUBSCRIPTION)
    )
    (tmp_path / "Pulumi.prod.yaml").write_text(filled)

    shown = dry_run("prod", tmp_path, DEPLOYER="workflow-object-id")

    assert shown.returncode == 0, shown.stderr
    place = place_of("prod", tmp_path)
    for step in steps(place, "workflow-object-id"):
        assert shlex.join(step.command) in shown.stdout


def test_names_fit_their_services() -> None:
    assert len(PLACE.account) <= 24
    assert PLACE.account.isalnum()
    assert len(PLACE.vault) <= 24


def test_the_first_token_key_is_set_by_standard_input(desk: Desk) -> None:
    made = rotate("dev", desk.hands())

    [(said, given)] = [each for each in desk.asked if "config set" in each[0]]
    assert said == "pulumi config set --stack dev --secret kopitra:tokenKeys"
    assert list(json.loads(given)) == [made]


def test_a_new_key_signs_and_the_one_before_is_kept(desk: Desk) -> None:
    keys = {"2026-10": "b2xk", "2026-11": "bmV3"}

    made = rotate("dev", desk.hands(CONFIG='{"kopitra:tokenKeys": {}}', KEYS=json.dumps(keys)))

    [given] = [given for said, given in desk.asked if "config set" in said]
    assert list(json.loads(given)) == ["2026-11", made]
    assert max(json.loads(given)) == made


def test_keys_that_cannot_be_read_are_not_replaced(desk: Desk) -> None:
    with pytest.raises(StepFailed, match="the keys in use cannot be read"):
        rotate("dev", desk.hands(CONFIG='{"kopitra:tokenKeys": {}}'))
    assert not [said for said, _ in desk.asked if "config set" in said]
