"""A real Pulumi engine on an environment's own file: its CLI, a backend of files, secrets under a passphrase.

What stands in are Azure (`azure_native`, `tests.stack.deployment.azure_side`) and time. The program is the stack's own,
with builds that hold nothing but their name.
"""

import gc
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pulumi import automation
from pulumi.automation import EngineEvent, OpMap

from stack.app_settings import Builds
from stack.deployment import provider as deployments
from stack.naming import Names
from stack.packages.building import ROOT
from stack.program import deploy
from tests.stack.azure import SUBSCRIPTION
from tests.stack.deployment.azure_side import App, AzureSide, Redirected, listening, package
from tests.stack.engine import azure_native
from tests.stack.environments import SECRET_VALUES, as_pulumi_gives_it, changed

REQUIRED = "KOPITRA_REQUIRE_ENGINE"
PASSPHRASE = "of this test only"
PROGRAM = "pulumi"


def engine() -> str | None:
    """The CLI on PATH."""
    return shutil.which(PROGRAM)


def version() -> str:
    return subprocess.run([PROGRAM, "version"], capture_output=True, text=True, check=True).stdout.strip()


class Engine:
    """One environment. `topics`: settings that differ from its file's; take effect with the next operation."""

    def __init__(self, environment: str, folder: Path, topics: Mapping[str, Any] | None = None) -> None:
        self.environment = environment
        self.folder = folder
        self.topics: dict[str, Any] = dict(topics or {})
        self.builds = Builds(counterparty="c1", functions="f1")
        self.release = "v1"
        self.azure = azure_native.AzureNative()
        names = Names(environment, SUBSCRIPTION)
        group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{names.of('resource-group')}"
        sites = f"{group}/providers/Microsoft.Web/sites"
        self.apps = {
            name: App(f"{names.of(name)}.azurewebsites.net", f"{sites}/{names.of(name)}")
            for name in ("counterparty", "functions")
        }
        app = self.apps["counterparty"]
        self.apps["staging"] = App(app.host.replace(".", "-staging.", 1), f"{app.path}/slots/staging")
        self.side = AzureSide(*self.apps.values())
        self._closing: list[Callable[[], Any]] = []
        self.events: list[EngineEvent] = []
        self.said: list[str] = []
        for build in ("c1", "c2", "c3", "bad"):
            package(folder, "counterparty", build)
        for build in ("f1", "f2"):
            package(folder, "functions", build)
        self.stack = self._stack()

    def _stack(self) -> automation.Stack:
        azure_server, azure_port = azure_native.serve(self.azure)
        self._closing.append(lambda: azure_server.stop(None).wait())
        side = listening(self.side)
        http = Redirected(side.__enter__())
        self._closing.append(lambda: side.__exit__(None, None, None))
        world = self.side.world(self.folder, http=http)
        code_server, code_port = deployments.serve(deployments.Deployments(world))
        self._closing.append(lambda: code_server.stop(None).wait())
        work = self.folder / "project"
        work.mkdir()
        (self.folder / "backend").mkdir()
        shutil.copy(ROOT / "Pulumi.yaml", work)
        (work / "stack").symlink_to(ROOT / "stack")
        options = automation.LocalWorkspaceOptions(
            work_dir=str(work),
            pulumi_home=str(self.folder / "home"),
            env_vars={
                "PULUMI_BACKEND_URL": f"file://{self.folder / 'backend'}",
                "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
                "PULUMI_SKIP_UPDATE_CHECK": "true",
                "PULUMI_DEBUG_PROVIDERS": f"azure-native:{azure_port},{deployments.PACKAGE}:{code_port}",
                "NO_COLOR": "1",
                # The state is written at the end of an operation instead of after each resource.
                "PULUMI_EXPERIMENTAL": "true",
                "PULUMI_SKIP_CHECKPOINTS": "true",
            },
        )
        made = automation.create_stack(
            self.environment, project_name="kopitra", program=self._program, opts=options
        )
        given = {name: automation.ConfigValue(value, secret=True) for name, value in SECRET_VALUES.items()}
        made.set_all_config(given)
        return made

    def _program(self) -> None:
        os.environ["PULUMI_ERROR_OUTPUT_STRING"] = "1"
        deploy(self.builds, release=self.release)

    def settings(self) -> None:
        """The environment's own file, with this test's differences, and the secrets as they were encrypted."""
        path = self.folder / "project" / f"Pulumi.{self.environment}.yaml"
        written: Any = yaml.safe_load(path.read_text())
        secrets = {name: written["config"][name] for name in SECRET_VALUES}
        wanted = as_pulumi_gives_it(changed(self.environment, **self.topics))
        path.write_text(yaml.safe_dump({**written, "config": {**wanted, **secrets}}))

    def preview(self) -> OpMap:
        self.settings()
        self._begin()
        return self.stack.preview(on_event=self.events.append, on_output=self.said.append).change_summary

    def up(self) -> OpMap:
        self.settings()
        self._begin()
        done = self.stack.up(on_event=self.events.append, on_output=self.said.append)
        assert done.summary.resource_changes is not None
        return done.summary.resource_changes

    def refresh(self) -> OpMap:
        self.settings()
        self._begin()
        done = self.stack.refresh(on_event=self.events.append, on_output=self.said.append)
        assert done.summary.resource_changes is not None
        return done.summary.resource_changes

    def destroy(self) -> None:
        self.settings()
        self._begin()
        self.stack.destroy(on_event=self.events.append, on_output=self.said.append)

    def unprotect(self) -> None:
        self._pulumi("state", "unprotect", "--all", "--yes")

    def steps(self) -> dict[str, str]:
        """Of the last operation: what was planned for which resource, what stays as it is left out."""
        planned = (event.resource_pre_event.metadata for event in self.events if event.resource_pre_event)
        steps = [(step.urn.rsplit("::", maxsplit=1)[-1], str(step.op.value)) for step in planned]
        return {name: "replace" if "replace" in step else step for name, step in steps if step != "same"}

    def state(self) -> dict[str, Any]:
        """As it is kept: what is secret is encrypted."""
        return json.loads(self._pulumi("stack", "export"))["deployment"]

    def everything_written(self) -> str:
        """Every file of the backend and all that was said or sent as an event, as one text."""
        files = [path for path in (self.folder / "backend").rglob("*") if path.is_file()]
        return "\n".join([*(path.read_text() for path in files), *self.said, json.dumps(self.state())])

    def close(self) -> None:
        for close in reversed(self._closing):
            close()
        # What an operation that failed left of the program goes here, while its warnings are expected.
        gc.collect()

    def _begin(self) -> None:
        self.events, self.said = [], []
        self.azure.done.clear()
        self.side.asked.clear()

    def _pulumi(self, *arguments: str) -> str:
        workspace = self.stack.workspace
        environment = {**os.environ, **workspace.env_vars, "PULUMI_HOME": workspace.pulumi_home or ""}
        command = [PROGRAM, *arguments, "--stack", self.environment, "--non-interactive"]
        done = subprocess.run(
            command, cwd=workspace.work_dir, env=environment, check=True, capture_output=True, text=True
        )
        return done.stdout
