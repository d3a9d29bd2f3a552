"""Locks name versions and hashes, agree with each other, and never say where to download from."""

import json

import pytest

from scripts.tooling.locks import complaints, disagreements, npm_complaints, unhashed, versions

DIGEST = "0" * 64
GOOD = f"""\
# a comment
quart==0.22.0 \\
    --hash=sha256:{DIGEST} \\
    --hash=sha256:{DIGEST}
    # via kopitra-counterparty
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:{DIGEST}
"""


def test_the_locks_of_this_checkout_hold():
    assert list(complaints()) == []


def test_hashed_requirements_pass():
    assert list(unhashed("good.txt", GOOD)) == []


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://index.example/simple",
        "-i https://index.example/simple",
        "--find-links wheels",
        "-e ./core",
        "quart>=0.22",
        "quart==0.22.0",
        "quart @ https://files.example/quart.whl",
        "quart==0.22.0 \\\n    # via nothing",
    ],
)
def test_a_line_that_is_no_hashed_pin_is_named(line: str):
    assert list(unhashed("bad.txt", f"{GOOD}{line}\n"))


def test_a_version_that_differs_from_development_is_named():
    ours, theirs = versions(GOOD), versions(GOOD.replace("0.22.0", "0.21.0"))
    assert list(disagreements("app.txt", ours, theirs)) == ["app.txt: quart is 0.22.0, but 0.21.0 in dev.txt"]


def test_agreeing_versions_pass():
    assert list(disagreements("app.txt", versions(GOOD), versions(GOOD))) == []


def test_an_npm_lock_with_an_address_or_without_a_hash_is_named():
    packages = {
        "": {"name": "tools"},
        "node_modules/a": {"integrity": "sha512-x", "resolved": "https://registry.example/a.tgz"},
        "node_modules/b": {},
    }
    found = "\n".join(npm_complaints("package-lock.json", json.dumps({"packages": packages})))
    assert "node_modules/a says where" in found
    assert "node_modules/b has no integrity" in found
