"""The console's content: published where there is some, said so where there is none."""

from pathlib import Path

import pytest

from stack.deployment.commands import publish_content
from stack.deployment.console import CONTENT, ConsoleStep, content_of
from stack.deployment.world import DeploymentFailed
from tests.stack.deployment.azure_side import AzureSide

SITE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/staticSites/console"


def built(folder: Path) -> Path:
    content = folder / CONTENT
    content.mkdir(parents=True)
    (content / "index.html").write_text("<title>Kopitra</title>")
    return content


def test_without_files_there_is_no_content(tmp_path: Path) -> None:
    assert content_of(tmp_path) is None


def test_content_is_known_by_names_and_bytes(tmp_path: Path) -> None:
    content = built(tmp_path)
    first = content_of(tmp_path)
    (content / "index.html").rename(content / "other.html")

    assert first is not None
    assert content_of(tmp_path) != first


def test_what_was_previewed_is_published_with_a_token_that_is_kept_nowhere(tmp_path: Path) -> None:
    built(tmp_path)
    azure, said = AzureSide(), list[str]()

    ConsoleStep().apply(
        azure.world(tmp_path), {"siteId": SITE, "content": content_of(tmp_path)}, None, said.append
    )

    assert azure.contents == [("dist", "token-of-the-site")]
    assert "token-of-the-site" not in str(said)


def test_content_that_changed_since_the_preview_is_refused(tmp_path: Path) -> None:
    built(tmp_path)

    with pytest.raises(DeploymentFailed, match="is not what was previewed"):
        ConsoleStep().apply(AzureSide().world(tmp_path), {"siteId": SITE, "content": "x"}, None, print)


def test_the_client_gets_the_token_by_its_environment_and_its_failure_is_told_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "swa"
    program.write_text('#!/bin/sh\necho "$@" >&2\necho "refused $SWA_CLI_DEPLOYMENT_TOKEN" >&2\nexit 1\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    with pytest.raises(DeploymentFailed) as failed:
        publish_content(built(tmp_path), "a-secret-token")

    assert "--env production" in str(failed.value)
    assert "refused …" in str(failed.value)
    assert "a-secret-token" not in str(failed.value)


def test_without_the_client_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(DeploymentFailed, match="npm install"):
        publish_content(built(tmp_path), "t")
