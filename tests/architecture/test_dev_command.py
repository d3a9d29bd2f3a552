"""`scripts/dev.py`: variables both ways, stages, and what it takes from a lock."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.tooling.environment import REQUIREMENTS, digest, pinned
from scripts.tooling.stages import STAGES
from scripts.tooling.steps import ROOT, Failed
from scripts.tooling.targets import TARGETS, chosen_stages, with_variables


def dev(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / "dev.py"), *arguments]
    environment = {**os.environ, **variables}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=60)


def test_a_target_becomes_the_process_that_was_started():
    starter = (
        "import os, sys; from scripts.tooling.steps import hand_over\n"
        "hand_over([sys.executable, '-c', 'import os; print(os.getpid())'], os.environ)"
    )
    command = [sys.executable, "-c", starter]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as started:
        assert started.communicate(timeout=60)[0] == f"{started.pid}\n"


def test_help_names_every_target():
    answer = dev("help")
    assert answer.returncode == 0
    assert all(f"make {name}" in answer.stdout for name in TARGETS)


def test_an_unknown_target_is_refused_with_a_hint():
    answer = dev("deploy")
    assert answer.returncode == 2
    assert "no target 'deploy'" in answer.stderr
    assert "dev.py help" in answer.stderr


def test_the_makefile_has_every_target():
    makefile = (ROOT / "Makefile").read_text()
    rule = next(line for line in makefile.splitlines() if line.startswith("demo test"))
    assert set(rule.rstrip(":").split()) == TARGETS.keys()


def test_variables_go_into_the_environment_and_other_arguments_on(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("CHAOS", raising=False)
    assert with_variables(["CHAOS=1", "-x", "--only=core"]) == ["-x", "--only=core"]
    assert os.environ["CHAOS"] == "1"
    monkeypatch.delenv("CHAOS")


@pytest.mark.parametrize("arguments", [["STATEMENT=my/history.htm"], []])
def test_a_statement_is_found_from_where_the_command_was_typed(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("STATEMENT", "my/history.htm")
    monkeypatch.chdir(tmp_path)
    with_variables(arguments)
    assert os.environ["STATEMENT"] == str(tmp_path / "my" / "history.htm")


def test_only_chooses_stages_and_leaves_the_rest_to_pytest():
    assert chosen_stages(["--only", "core", "-x", "--only=system"]) == (["core", "system"], ["-x"])
    assert chosen_stages(["-k", "ratio"]) == (list(STAGES), ["-k", "ratio"])


@pytest.mark.parametrize("arguments", [["--only", "slow"], ["--only"]])
def test_a_stage_that_does_not_exist_is_refused(arguments: list[str]):
    with pytest.raises(Failed, match="one of core, conformance, simulation, management, stack, system"):
        chosen_stages(arguments)


def test_the_pin_of_one_distribution_comes_with_its_hashes():
    lines = pinned(REQUIREMENTS.read_text(), "uv").splitlines()
    assert lines[0].startswith("uv==")
    assert [line for line in lines[1:] if "--hash=sha256:" in line]
    assert not [line for line in lines[1:] if "==" in line]


def test_a_distribution_that_is_not_locked_is_refused():
    with pytest.raises(Failed, match="nothing is not in"):
        pinned("quart==1 \\\n    --hash=sha256:0\n", "nothing")


def test_the_stamp_changes_with_any_file(tmp_path: Path):
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("a")
    other.write_text("b")
    before = digest([one, other])
    other.write_text("c")
    assert digest([one, other]) != before
