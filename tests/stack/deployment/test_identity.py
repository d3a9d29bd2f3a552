"""Who deploys: signed in already, and never by a stored secret."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from azure.identity import ClientAssertionCredential, DefaultAzureCredential

from stack.deployment import identity
from stack.deployment.identity import credential_from, tokens
from stack.deployment.world import DeploymentFailed


@contextmanager
def answering(body: dict[str, Any]) -> Generator[tuple[str, list[tuple[str, dict[str, str]]]]]:
    """An address that always answers this, and what it was asked."""
    asked: list[tuple[str, dict[str, str]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            encoded = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(encoded)))
            self.end_headers()
            self.wfile.write(encoded)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Not wanted."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_on_a_desk_whoever_is_signed_in_deploys() -> None:
    assert isinstance(credential_from({}), DefaultAzureCredential)
    assert isinstance(credential_from({"ARM_CLIENT_ID": "c", "ARM_TENANT_ID": "t"}), DefaultAzureCredential)


def test_in_a_workflow_every_token_is_asked_for_with_a_fresh_word_of_githubs() -> None:
    with answering({"value": "an assertion"}) as (address, asked):
        environment = {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{address}?api-version=1",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of this run",
            "ARM_CLIENT_ID": "c",
            "ARM_TENANT_ID": "t",
        }
        assert isinstance(credential_from(environment), ClientAssertionCredential)
        assert identity.assertion(environment) == "an assertion"

    ((path, headers),) = asked
    assert path == "/?api-version=1&audience=api%3A%2F%2FAzureADTokenExchange"
    assert headers["authorization"] == "Bearer of this run"


def test_an_identity_of_the_machine_gives_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"access_token": "a token", "expires_on": "4102444800", "resource": "r", "token_type": "Bearer"}
    with answering(answer) as (address, asked):
        monkeypatch.setenv("IDENTITY_ENDPOINT", address)
        monkeypatch.setenv("IDENTITY_HEADER", "h")
        assert tokens()("https://management.azure.com/.default") == "a token"

    assert "resource=https" in asked[-1][0]


def test_where_nobody_is_signed_in_the_scope_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Nobody:
        def get_token(self, *scopes: str) -> None:
            raise identity.CredentialUnavailableError("sign in first\nand more")

    def nobody(environment: object) -> Nobody:
        return Nobody()

    monkeypatch.setattr(identity, "credential_from", nobody)
    with pytest.raises(DeploymentFailed, match="nobody is signed in to Azure for scope: sign in first"):
        tokens()("scope")
