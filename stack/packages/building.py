"""Make an app's package, or take the one that was made from the same inputs.

The hash is of names and contents, not of the archive: another zip library changes nothing. Times, owners and whatever
an installer writes about itself stay out.
"""

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from stack.packages.recipes import LIBRARIES, TARGET_PLATFORM, TARGET_PYTHON, Recipe

ROOT = Path(__file__).parents[2]
EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The zip format's own beginning of time."""
UNIX = 3
READABLE = 0o644 << 16
HASH_CHARACTERS = 16
BUILD_FILE = f"{LIBRARIES}/kopitra/BUILD"
"""Where the code finds out which build it is; no part of the hash."""
FORMAT = "2"
"""Of packages: another one is made anew though its inputs are the same."""
LEFT_OUT = frozenset({"__pycache__", "bin", "tests"})
"""Folders of libraries that a server has no use for; `tests` only at the top of a distribution."""
INSTALLERS_OWN = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", ".lock"})


class PackageFailed(Exception):
    """A package could not be made; the text ends with what the installer said."""


@dataclass(frozen=True)
class Package:
    """`build`: what health, logs and telemetry report."""

    app: str
    path: Path
    build: str


@dataclass(frozen=True)
class Target:
    """`platform` and `python` as uv names them."""

    python: str = TARGET_PYTHON
    platform: str = TARGET_PLATFORM


def package_of(
    recipe: Recipe, *, root: Path = ROOT, target: Target = Target(), folder: Path | None = None
) -> Package:
    """Raises PackageFailed. `folder` keeps what was made, by its inputs."""
    kept = folder or root / "build" / "packages"
    key = inputs_of(recipe, root, target)
    archive, note = kept / f"{recipe.app}-{key}.zip", kept / f"{recipe.app}-{key}.build"
    if not (archive.exists() and note.exists()):
        kept.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept) as scratch:
            tree = Path(scratch) / "tree"
            _fill(tree, recipe, root, target)
            build = hash_of(tree)
            (tree / BUILD_FILE).write_text(build)
            made = Path(scratch) / "package.zip"
            _write(tree, made)
            made.replace(archive)
            note.write_text(build)
    return Package(recipe.app, archive, note.read_text())


def inputs_of(recipe: Recipe, root: Path, target: Target) -> str:
    """One digest of everything that a package is made from: sources, requirements, target."""
    total = sha256(f"{FORMAT} {target.python} {target.platform}".encode())
    for name, path in [(recipe.requirements, root / recipe.requirements), *_sources(recipe, root)]:
        total.update(name.encode() + b"\0" + sha256(path.read_bytes()).digest())
    return total.hexdigest()[:HASH_CHARACTERS]


def hash_of(tree: Path) -> str:
    """One digest of names and contents."""
    total = sha256()
    for path in _files(tree):
        total.update(path.relative_to(tree).as_posix().encode() + b"\0" + sha256(path.read_bytes()).digest())
    return total.hexdigest()[:HASH_CHARACTERS]


def _sources(recipe: Recipe, root: Path) -> Iterator[tuple[str, Path]]:
    """Our own files by their place in the package."""
    for package in recipe.packages:
        folder = root / package
        for path in _files(folder):
            if "__pycache__" not in path.parts:
                yield f"{LIBRARIES}/{folder.name}/{path.relative_to(folder).as_posix()}", path
    for name in recipe.beside:
        yield Path(name).name, root / name


def _fill(tree: Path, recipe: Recipe, root: Path, target: Target) -> None:
    libraries = tree / LIBRARIES
    libraries.mkdir(parents=True)
    _install(root / recipe.requirements, libraries, target)
    _strip(libraries)
    for name, path in _sources(recipe, root):
        place = tree / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)


def _install(requirements: Path, libraries: Path, target: Target) -> None:
    """Wheels only: what has to be built would be built for this machine."""
    command = [sys.executable, "-m", "uv", "--system-certs", "pip", "install", "--quiet", "--require-hashes"]
    command += ["--no-deps", "--only-binary", ":all:", "--target", str(libraries), "--no-compile-bytecode"]
    command += ["--python-platform", target.platform, "--python-version", target.python]
    done = subprocess.run([*command, "-r", str(requirements)], check=False, capture_output=True, text=True)
    if done.returncode:
        raise PackageFailed(f"{requirements.name} could not be vendored: {done.stderr.strip()[-2000:]}")


def _strip(libraries: Path) -> None:
    for path in sorted(libraries.rglob("*"), reverse=True):
        top = path.parent == libraries
        if path.is_dir() and (path.name == "__pycache__" or (top and path.name in LEFT_OUT)):
            shutil.rmtree(path)
        elif path.name in INSTALLERS_OWN and (top or path.parent.name.endswith(".dist-info")):
            path.unlink()


def _write(tree: Path, archive: Path) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as package:
        for path in _files(tree):
            entry = zipfile.ZipInfo(path.relative_to(tree).as_posix(), EARLIEST)
            # Without it, or made on Windows, Flex Consumption finds files that its host may not read.
            entry.create_system = UNIX
            entry.external_attr = READABLE
            entry.compress_type = zipfile.ZIP_DEFLATED
            package.writestr(entry, path.read_bytes())


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
