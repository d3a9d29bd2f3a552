"""`make bootstrap` and `make token-keys` with stand-ins for az and pulumi that write down what was asked."""

import ctypes
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from scripts.tooling.steps import ROOT
from stack.bootstrap.plan import KEY_VERSION, BootstrapRefused, Place, identity, place_of, steps
from stack.bootstrap.running import (
    DRIVER_NEEDS,
    PATIENCE_SECONDS,
    Hands,
    StepFailed,
    carry_out,
    require_driver,
)
from stack.bootstrap.token_keys import rotate
from tests.stack.bootstrap.desk import KID, PLACE, SUBSCRIPTION, Desk

DEPLOYER = "66666666-7777-8888-9999-000000000000"
PREVIEWER = "77777777-8888-9999-0000-111111111111"


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
    carry_out(steps(PLACE), PLACE, desk.hands())

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
        "az keyvault key create",
        f"pulumi login {PLACE.backend}",
        "pulumi stack select dev",
    ]


def granted(desk: Desk, principal: str) -> dict[str, str]:
    """Role → scope, without the subscription's id."""
    found: dict[str, str] = {}
    for said, _ in desk.asked:
        if "role assignment create" in said and f"--assignee-object-id {principal} " in said:
            role, rest = said.split("--role ")[1].split(" --scope ")
            found[role] = rest.split()[0].removeprefix(f"/subscriptions/{SUBSCRIPTION}")
    return found


STATE = f"/resourceGroups/kopitra-state/providers/Microsoft.Storage/storageAccounts/{PLACE.account}"
VAULT = f"/resourceGroups/kopitra-state/providers/Microsoft.KeyVault/vaults/{PLACE.vault}"


def test_each_who_comes_gets_what_their_work_needs_and_who_previews_writes_nothing(desk: Desk) -> None:
    carry_out(steps(PLACE, DEPLOYER, PREVIEWER), PLACE, desk.hands())

    assert granted(desk, "my-object-id") == {
        "Storage Blob Data Contributor": STATE,
        "Key Vault Crypto Officer": VAULT,
        "App Configuration Data Owner": "",
    }
    assert granted(desk, DEPLOYER) == {
        "Storage Blob Data Contributor": STATE,
        "Key Vault Crypto User": VAULT,
        "Contributor": "",
        "Role Based Access Control Administrator": "",
        "Locks Contributor": "",
        "App Configuration Data Owner": "",
    }
    assert granted(desk, PREVIEWER) == {
        "Storage Blob Data Reader": STATE,
        "Key Vault Crypto User": VAULT,
        "Reader": "",
        "App Configuration Data Reader": "",
    }
    kinds = {said.split("--assignee-object-id ")[1] for said in desk.changes if "role assignment" in said}
    assert kinds == {
        "my-object-id --assignee-principal-type User",
        f"{DEPLOYER} --assignee-principal-type ServicePrincipal",
        f"{PREVIEWER} --assignee-principal-type ServicePrincipal",
    }


def test_what_exists_is_left_as_it_is_and_the_key_above_all(desk: Desk) -> None:
    everything = ["group", "storage", "keyvault"]

    carry_out(steps(PLACE), PLACE, desk.hands(KNOWN=json.dumps(everything)))

    creations = [said for said in desk.changes if " create " in said and "role" not in said]
    assert creations == []


@pytest.mark.parametrize("known", [[], ["keyvault"]], ids=["a new key", "a key that exists"])
def test_a_stack_s_secrets_are_under_one_version_of_the_key(desk: Desk, known: list[str]) -> None:
    carry_out(steps(PLACE), PLACE, desk.hands(KNOWN=json.dumps(known)))

    assert desk.changes[-1].endswith(f" --secrets-provider azurekeyvault{KID.removeprefix('https')}")


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


def test_a_key_that_only_could_not_be_seen_yet_is_not_made_again() -> None:
    asked: list[str] = []

    def run(command: Sequence[str], given: str | None = None) -> subprocess.CompletedProcess[str]:
        said = shlex.join(command)
        asked.append(said)
        if "keyvault key" in said and sum("key show" in each for each in asked) == 1:
            return subprocess.CompletedProcess(command, 1, "", "Forbidden: no grant yet")
        answer = json.dumps(SUBSCRIPTION if "account show" in said else "me")
        return subprocess.CompletedProcess(command, 0, KID if "key show" in said else answer, "")

    carry_out(steps(PLACE), PLACE, Hands(run=run, sleep=lambda seconds: None, say=lambda said: None))

    assert sum("key show" in each for each in asked) == 2
    assert sum("key create" in each for each in asked) == 1, "and that one was refused"


def test_the_placeholder_of_a_subscription_is_refused() -> None:
    with pytest.raises(
        BootstrapRefused, match=r"Pulumi\.dev\.yaml: kopitra:subscriptionId is still the placeholder"
    ):
        place_of("dev", ROOT)


def test_an_environment_that_does_not_exist_is_refused() -> None:
    with pytest.raises(BootstrapRefused, match="ENV must be one of dev, staging, prod, not ''"):
        place_of("", ROOT)


@pytest.mark.parametrize("wrong", ["", "kopitra-deploy", "5555"])
def test_an_identity_that_is_none_is_refused_and_not_passed_over(wrong: str) -> None:
    with pytest.raises(BootstrapRefused, match="FUNCTIONS must be the object id of an identity"):
        identity("FUNCTIONS", {"FUNCTIONS": wrong})
    assert identity("FUNCTIONS", {}) is None


def test_a_dry_run_shows_each_command_and_needs_no_program(tmp_path: Path) -> None:
    filled = (
        (ROOT / "Pulumi.prod.yaml").read_text().replace("00000000-0000-0000-0000-000000000000", SUBSCRIPTION)
    )
    (tmp_path / "Pulumi.prod.yaml").write_text(filled)

    shown = dry_run("prod", tmp_path, DEPLOYER=DEPLOYER, PREVIEWER=PREVIEWER)

    assert shown.returncode == 0, shown.stderr
    place = place_of("prod", tmp_path)
    for step in steps(place, DEPLOYER, PREVIEWER):
        assert shlex.join(step.command) in shown.stdout
    assert f"which gives {KEY_VERSION}" in shown.stdout


def test_a_library_that_the_database_s_driver_needs_is_missed_early(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def missing(name: str) -> None:
        asked.append(name)
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", missing)
    with pytest.raises(BootstrapRefused, match="apt-get install libltdl7"):
        require_driver()
    assert asked == [DRIVER_NEEDS]


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
