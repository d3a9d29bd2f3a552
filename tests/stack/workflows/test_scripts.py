"""The workflows' scripts, with stand-ins for the programs that they call."""

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.tooling.steps import ROOT

SCRIPTS = ROOT / ".github" / "scripts"


@dataclass
class Runner:
    """A machine of GitHub's: programs of its own come first on PATH; `asked` is what they were called with."""

    folder: Path

    def program(self, name: str, body: str) -> None:
        """`body`: Python with `arguments`."""
        place = self.folder / "bin" / name
        place.parent.mkdir(exist_ok=True)
        log = f"print(*sys.argv, file=open({str(self.folder / 'asked')!r}, 'a'))"
        place.write_text(f"#!{sys.executable}\nimport sys, json\narguments = sys.argv[1:]\n{log}\n{body}\n")
        place.chmod(0o755)

    def run(self, script: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "RUNNER_TEMP": str(self.folder),
            "GITHUB_PATH": str(self.folder / "path"),
            "GITHUB_OUTPUT": str(self.folder / "output"),
            **variables,
        }
        return subprocess.run(
            ["bash", str(SCRIPTS / script), *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    @property
    def asked(self) -> str:
        file = self.folder / "asked"
        return file.read_text() if file.exists() else ""


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


def test_another_pulumi_than_the_one_that_was_looked_at_is_not_installed(runner: Runner) -> None:
    runner.program("curl", "open(arguments[arguments.index('--output') + 1], 'w').write('something else')")

    done = runner.run("pulumi.sh")

    assert done.returncode != 0
    assert "did NOT match" in done.stderr
    assert not (runner.folder / "path").exists()


def test_the_pulumi_that_was_looked_at_is_put_on_the_path(runner: Runner, tmp_path: Path) -> None:
    (tmp_path / "made" / "pulumi").mkdir(parents=True)
    (tmp_path / "made" / "pulumi" / "pulumi").write_text("the program")
    archive = tmp_path / "archive.tar.gz"
    subprocess.run(["tar", "-czf", archive, "-C", tmp_path / "made", "pulumi"], check=True)
    runner.program(
        "curl", f"import shutil; shutil.copy({str(archive)!r}, arguments[arguments.index('--output') + 1])"
    )
    text = (SCRIPTS / "pulumi.sh").read_text()
    pinned = next(line for line in text.splitlines() if line.startswith("sha256="))
    script = tmp_path / "pulumi.sh"
    script.write_text(text.replace(pinned, f"sha256={hashlib.sha256(archive.read_bytes()).hexdigest()}"))

    done = runner.run(str(script))

    assert done.returncode == 0, done.stderr
    [folder] = (runner.folder / "path").read_text().splitlines()
    assert (Path(folder) / "pulumi").read_text() == "the program"


def signed_in(runner: Runner, **without: str) -> subprocess.CompletedProcess[str]:
    runner.program("curl", """print('{"value": "a-token-for-azure"}')""")
    runner.program("jq", "print(json.load(sys.stdin)[arguments[-1].lstrip('.')])")
    runner.program("az", "")
    runner.program("pulumi", "")
    given = {
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t",
        "ACTIONS_ID_TOKEN_REQUEST_URL": "https://token.example.com?x=1",
        "ARM_CLIENT_ID": "client",
        "ARM_TENANT_ID": "tenant",
        "ARM_SUBSCRIPTION_ID": "subscription",
        "PULUMI_BACKEND": "azblob://pulumi?storage_account=state",
    } | without
    return runner.run("azure.sh", **{name: value for name, value in given.items() if value})


def test_signing_in_trades_the_workflows_token_and_hides_it(runner: Runner) -> None:
    done = signed_in(runner)

    assert done.returncode == 0, done.stderr
    assert "&audience=api://AzureADTokenExchange" in runner.asked
    assert "--username client --tenant tenant --federated-token a-token-for-azure" in runner.asked
    assert "account set --subscription subscription" in runner.asked
    assert "login azblob://pulumi?storage_account=state" in runner.asked
    assert done.stdout == "::add-mask::a-token-for-azure\n"


@pytest.mark.parametrize("missing", ["ARM_CLIENT_ID", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "PULUMI_BACKEND"])
def test_without_what_it_needs_the_job_stops(runner: Runner, missing: str) -> None:
    done = signed_in(runner, **{missing: ""})

    assert done.returncode != 0
    assert missing in done.stderr


def test_a_long_file_is_cut_and_what_it_says_cannot_end_the_output(runner: Runner, tmp_path: Path) -> None:
    file = tmp_path / "long.txt"
    file.write_text("EOF\nname=value\n" + "x" * 50_000)

    assert runner.run("output.sh", "text", str(file)).returncode == 0

    first, *lines, last = (runner.folder / "output").read_text().splitlines()
    assert first == f"text<<{last}"
    assert len(last) > 30
    assert lines[-1] == "… (the rest is in the log)"
    assert sum(map(len, lines)) < 41_000


def visited(runner: Runner, **variables: str) -> subprocess.CompletedProcess[str]:
    runner.program(
        "pulumi",
        "print({'counterpartyUrl': 'https://x.example.com', 'counterpartyBuild': 'abc'}[arguments[-1]])",
    )
    runner.program("kopitra", "")
    (runner.folder / ".venv").mkdir()
    (runner.folder / ".venv" / "bin").symlink_to(runner.folder / "bin")
    return runner.run("smoke.sh", "dev", **variables)


def test_what_was_deployed_is_visited_by_its_build(runner: Runner) -> None:
    done = visited(runner, KOPITRA_SMOKE_ACCOUNT="smoke", KOPITRA_SMOKE_SECRET="never said")

    assert done.returncode == 0, done.stderr
    assert "smoke https://x.example.com --build abc --patience 300\n" in runner.asked
    assert "never said" not in runner.asked + done.stdout


def test_without_an_account_only_what_needs_none_is_looked_at_and_that_is_said(runner: Runner) -> None:
    done = visited(runner)

    assert "--without-account" in runner.asked
    assert done.stdout.startswith("::warning::")


@dataclass
class History:
    """A repository with three commits in a row; the second has the tag v1."""

    folder: Path

    def __post_init__(self) -> None:
        self.git("init", "--quiet", ".")
        self.commits: list[str] = []
        for name in ("first", "second", "third"):
            self.git("commit", "--quiet", "--allow-empty", "--message", name)
            self.commits.append(self.git("rev-parse", "HEAD"))
        self.git("tag", "v1", self.commits[1])

    def git(self, *arguments: str) -> str:
        name = ("-c", "user.name=A", "-c", "user.email=a@example.com")
        own = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        command = ["git", *name, *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=own, capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout.strip()


def superseded(runner: Runner, outputs: str, commit: str) -> str:
    """What the step says, for what the stack says of itself."""
    runner.program("pulumi", f"print({outputs!r})")
    runner.program("jq", "print(json.load(sys.stdin).get('release', ''))")
    done = runner.run("superseded.sh", "dev", GITHUB_SHA=commit)
    assert done.returncode == 0, done.stderr
    assert ("::notice::" in done.stdout) == ("superseded=true" in (runner.folder / "output").read_text())
    return (runner.folder / "output").read_text().strip()


@pytest.mark.parametrize(
    ("deployed", "mine", "answer"),
    [("v1", 0, True), ("v1", 1, False), ("v1", 2, False), ("v1-dirty", 0, True), ("v9-1-gabcdef0", 0, False)],
)
def test_a_commit_is_superseded_by_a_later_one_that_is_deployed_and_by_no_other(
    runner: Runner, deployed: str, mine: int, answer: bool
) -> None:
    commit = History(runner.folder).commits[mine]

    said = superseded(runner, f'{{"release": "{deployed}"}}', commit)

    assert said == f"superseded={str(answer).lower()}"


def test_a_later_commit_is_known_by_what_git_describes(runner: Runner) -> None:
    history = History(runner.folder)
    described = history.git("describe", "--tags", "--always")

    said = superseded(runner, f'{{"release": "{described}"}}', history.commits[1])

    assert described.startswith("v1-1-g")
    assert said == "superseded=true"


def test_an_environment_that_has_nothing_yet_is_deployed(runner: Runner) -> None:
    assert superseded(runner, "{}", History(runner.folder).commits[0]) == "superseded=false"


def test_a_state_that_cannot_be_read_stops_the_job(runner: Runner) -> None:
    history = History(runner.folder)
    runner.program("pulumi", "sys.exit(1)")
    runner.program("jq", "")

    done = runner.run("superseded.sh", "dev", GITHUB_SHA=history.commits[0])

    assert done.returncode != 0
    assert not (runner.folder / "output").exists()
