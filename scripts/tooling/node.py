"""Node, the system's where it will do, else PyPI's; and the tool of ours that only npm carries whole: pyright."""

import os
import re
import shutil
import subprocess

from . import environment
from .steps import ROOT, must, say

OLDEST_NODE = 20
"""The oldest release line that still gets security fixes and that every tool here runs on."""
MANIFEST = ROOT / "requirements" / "node"
TOOLS = environment.VENV / "node"
"""Deleting `.venv` deletes them too."""
STAMP = TOOLS / "kopitra-node.stamp"
REQUIREMENTS = ROOT / "requirements" / "node.txt"


def prepare() -> dict[str, str]:
    """Find or install Node; returns the environment in which `node`, `npm` and the tools are found."""
    if not _node_on_path():
        _node_from_pypi()
    # Certificates as the system has them, as for pip and uv.
    return {**environment.variables(TOOLS / "node_modules" / ".bin"), "NODE_USE_SYSTEM_CA": "1"}


def prepare_tools() -> dict[str, str]:
    """As `prepare`, and install what `requirements/node` locks when that changed."""
    env = prepare()
    manifest = [MANIFEST / "package.json", MANIFEST / "package-lock.json"]
    wanted = environment.digest(manifest)
    if not (STAMP.exists() and STAMP.read_text() == wanted):
        say("Installing pyright from npm (only when its lock changed)")
        TOOLS.mkdir(parents=True, exist_ok=True)
        for path in manifest:
            shutil.copy(path, TOOLS)
        npm = shutil.which("npm", path=env["PATH"]) or "npm"
        must(
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"],
            "pyright could not be installed",
            env=env,
            cwd=TOOLS,
        )
        STAMP.write_text(wanted)
    return env


def _node_on_path() -> bool:
    node, npm = shutil.which("node"), shutil.which("npm")
    return bool(node and npm) and _major(str(node)) >= OLDEST_NODE


def _node_from_pypi() -> None:
    node = environment.BIN / ("node.exe" if os.name == "nt" else "node")
    if _major(str(node)) < OLDEST_NODE:
        say(f"No Node {OLDEST_NODE} or newer on PATH: taking it from PyPI")
        environment.install(REQUIREMENTS)


def _major(node: str) -> int:
    """0 for what does not run."""
    try:
        answer = subprocess.run([node, "--version"], check=False, capture_output=True, text=True).stdout
    except OSError:
        return 0
    found = re.match(r"v(\d+)\.", answer)
    return int(found[1]) if found else 0
