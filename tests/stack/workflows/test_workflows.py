"""What the workflows may do, and with what: as little as they need, no action of others, no secret of a cloud."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.tooling.stages import STAGES
from scripts.tooling.steps import ROOT
from scripts.tooling.targets import TARGETS

FOLDER = ROOT / ".github" / "workflows"
SECRETS = {"KOPITRA_SMOKE_SECRET": "a paper account's on our own service; no cloud knows it"}
WRITES = {
    ("pull-request.yml", "preview"): {"id-token"},
    ("pull-request.yml", "comment"): {"pull-requests"},
    ("environment.yml", "deploy"): {"id-token"},
    ("main.yml", "dev"): {"id-token"},
    ("main.yml", "staging"): {"id-token"},
    ("main.yml", "prod"): {"id-token"},
    ("drift.yml", "look"): {"id-token", "issues"},
}
"""Workflow and job → what it may write; every other job reads the contents of the repository, or nothing."""
OURS = "github.event.pull_request.head.repo.full_name == github.repository"
NAMES = sorted(path.name for path in FOLDER.glob("*.yml"))


def workflow(name: str) -> dict[str, Any]:
    return yaml.safe_load((FOLDER / name).read_text())


def triggers(name: str) -> set[str]:
    """YAML 1.1 reads the key `on` as true."""
    found: Any = workflow(name)
    return set(found[True])


def jobs(name: str) -> Mapping[str, Any]:
    return workflow(name)["jobs"]


def every_job() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for name in NAMES:
        for job, what in jobs(name).items():
            yield name, job, what


def commands(job: Mapping[str, Any]) -> str:
    return "\n".join(step.get("run", "") for step in job.get("steps", []))


def test_nothing_is_permitted_unless_a_job_asks_for_it() -> None:
    for name in NAMES:
        assert workflow(name)["permissions"] == {}, name
    for name, job, what in every_job():
        granted = what["permissions"]
        writes = {scope for scope, level in granted.items() if level == "write"}
        assert writes == WRITES.get((name, job), set()), (name, job)
        assert {scope for scope, level in granted.items() if level == "read"} <= {"contents"}, (name, job)


def test_every_permission_says_what_it_is_for() -> None:
    for path in FOLDER.glob("*.yml"):
        for line in path.read_text().splitlines():
            if re.match(r" +[a-z-]+: (read|write)\b", line):
                assert "#" in line, f"{path.name}: {line.strip()}"


def test_only_who_signs_in_may_ask_for_an_identity() -> None:
    for name, job, what in every_job():
        if "steps" in what:
            signs_in = ".github/scripts/azure.sh" in commands(what)
            assert signs_in == ("id-token" in what["permissions"]), (name, job)


def test_no_secret_of_a_cloud_is_named_anywhere() -> None:
    for path in sorted((ROOT / ".github").rglob("*.*")):
        text = path.read_text()
        assert set(re.findall(r"secrets\.([A-Za-z_]+)", text)) <= SECRETS.keys(), path.name
        for word in ("CLIENT_SECRET", "ACCOUNT_KEY", "ACCESS_TOKEN", "PASSPHRASE", "SAS_TOKEN", "inherit"):
            assert word not in text, f"{path.name}: {word}"


def test_the_only_things_used_are_our_own_workflows() -> None:
    used = [what["uses"] for _, _, what in every_job() if "uses" in what]
    used += [step["uses"] for _, _, what in every_job() for step in what.get("steps", []) if "uses" in step]
    for each in used:
        assert (ROOT / each).is_relative_to(ROOT / ".github" / "workflows"), each
        assert (ROOT / each).is_file(), each


def test_a_fork_gets_checks_and_tests_and_nothing_else() -> None:
    assert all("pull_request_target" not in triggers(name) for name in NAMES)
    assert all("workflow_run" not in triggers(name) for name in NAMES)
    for job, what in jobs("pull-request.yml").items():
        assert (OURS in str(what.get("if", ""))) == (job != "checks"), job
    assert "secrets." not in (FOLDER / "checks.yml").read_text()


def test_what_comments_runs_nothing_of_the_pull_request() -> None:
    comment = jobs("pull-request.yml")["comment"]
    assert "git " not in commands(comment)
    assert ".github/" not in commands(comment)


def test_what_is_on_main_passes_each_environment_before_the_next() -> None:
    main = jobs("main.yml")
    assert {job: what.get("needs") for job, what in main.items()} == {
        "checks": None,
        "dev": "checks",
        "staging": "dev",
        "prod": "staging",
    }
    for name in ("dev", "staging", "prod"):
        assert main[name]["with"] == {"environment": name}
    deploy = jobs("environment.yml")["deploy"]
    assert deploy["environment"] == "${{ inputs.environment }}", "GitHub asks for the approval here"
    steps = [step["name"] for step in deploy["steps"]]
    assert steps.index("Deploy") < steps.index("Smoke")
    assert deploy["concurrency"]["cancel-in-progress"] is False


def test_a_run_that_waits_for_its_approval_holds_up_no_other_environment() -> None:
    assert "concurrency" not in workflow("main.yml")
    deploy = jobs("environment.yml")["deploy"]
    assert deploy["concurrency"]["group"] == "deploy-${{ inputs.environment }}"


def test_nothing_is_deployed_or_visited_where_a_later_commit_is_deployed_already() -> None:
    steps = {step["name"]: step for step in jobs("environment.yml")["deploy"]["steps"]}
    names = list(steps)
    assert names.index("Sign in") < names.index("Look for a later one") < names.index("Deploy")
    asked = f"steps.{steps['Look for a later one']['id']}.outputs.superseded == 'false'"
    assert [name for name in names if "if" in steps[name]] == ["Deploy", "Smoke"]
    assert {steps["Deploy"]["if"], steps["Smoke"]["if"]} == {asked}


def test_who_deploys_has_what_the_driver_of_the_database_needs() -> None:
    """It is loaded only when the database is migrated, which is late."""
    assert "libltdl7" in commands(jobs("environment.yml")["deploy"])


def test_every_stage_of_the_tests_is_run_and_the_engine_is_required() -> None:
    test = jobs("checks.yml")["test"]
    assert test["strategy"]["matrix"]["stage"] == list(STAGES)
    assert test["steps"][-1]["env"]["KOPITRA_REQUIRE_ENGINE"].startswith("${{ matrix.stage == 'stack' && '1'")


def test_every_target_that_is_called_exists() -> None:
    called = {
        target
        for _, _, what in every_job()
        for target in re.findall(r"(?:make|scripts/dev\.py) ([a-z-]+)", commands(what))
    }
    assert called == {"check", "test", "setup", "audit"}
    assert called <= TARGETS.keys()


@pytest.mark.parametrize("name", NAMES)
def test_no_job_runs_for_ever_and_every_one_names_its_machine(name: str) -> None:
    for job, what in jobs(name).items():
        if "steps" in what:
            assert 1 <= what["timeout-minutes"] <= 60, job
            assert what["runs-on"] == "ubuntu-24.04", job


@pytest.mark.parametrize("name", NAMES)
def test_no_checkout_leaves_a_token_behind(name: str) -> None:
    text = (FOLDER / name).read_text()
    assert "git config" not in text
    assert text.count("http.extraheader") == text.count('git -c "http.extraheader')


def test_scripts_stop_at_the_first_failure_and_can_be_run() -> None:
    scripts = sorted((ROOT / ".github" / "scripts").iterdir())
    assert [path.name for path in scripts] == [
        "azure.sh",
        "output.sh",
        "pulumi.sh",
        "smoke.sh",
        "superseded.sh",
    ]
    for path in scripts:
        assert path.read_text().startswith("#!/usr/bin/env bash\n")
        assert "set -euo pipefail" in path.read_text()
        assert path.stat().st_mode & 0o111, path.name
    called = {
        Path(found)
        for _, _, what in every_job()
        for found in re.findall(r"\.github/scripts/\S+", commands(what))
    }
    assert called == {path.relative_to(ROOT) for path in scripts}
