"""The engine starts the plugin that publishes the code from where Pulumi.yaml says, and shows what it says."""

import gc
import os
import shutil
import sys
from pathlib import Path

import pulumi
import pytest
from pulumi import automation

from stack.packages.building import ROOT
from tests.stack.engine.stage import PASSPHRASE

pytestmark = [
    pytest.mark.timeout(120),
    # A program whose deployment failed is never told that it is over.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def test_the_plugin_is_found_beside_the_program_and_its_failure_is_told_in_words(tmp_path: Path) -> None:
    work = tmp_path / "project"
    work.mkdir()
    (tmp_path / "backend").mkdir()
    shutil.copy(ROOT / "Pulumi.yaml", work)
    (work / "stack").symlink_to(ROOT / "stack")
    options = automation.LocalWorkspaceOptions(
        work_dir=str(work),
        pulumi_home=str(tmp_path / "home"),
        env_vars={
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PULUMI_BACKEND_URL": f"file://{tmp_path / 'backend'}",
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "NO_COLOR": "1",
        },
    )

    def program() -> None:
        inputs = {"siteId": "/subscriptions/s", "content": "of another commit"}
        pulumi.CustomResource("kopitra:deployment:ConsoleContent", "content", inputs)

    stack = automation.create_stack("plugin", project_name="kopitra", program=program, opts=options)
    with pytest.raises(automation.CommandError, match=r"apps/frontend/dist is not what was previewed"):
        stack.up()
    gc.collect()
