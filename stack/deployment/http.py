"""HTTP by `requests`: no retries of its own, since whoever asks knows what may be asked twice."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests

from stack.deployment.world import Answer, Unreachable

TIMEOUT_SECONDS = (20.0, 240.0)
"""To connect, and between two bytes: Azure's front end cuts off after 230 s itself."""


class RequestsHttp:
    def __init__(self) -> None:
        self._session = requests.Session()

    def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        file: Path | None = None,
    ) -> Answer:
        """Raises Unreachable."""
        try:
            if file is None:
                found = self._session.request(
                    method, url, headers=headers, json=json, timeout=TIMEOUT_SECONDS, allow_redirects=False
                )
            else:
                with file.open("rb") as stream:
                    found = self._session.request(
                        method,
                        url,
                        headers=headers,
                        data=stream,
                        timeout=TIMEOUT_SECONDS,
                        allow_redirects=False,
                    )
        except requests.RequestException as error:
            raise Unreachable(f"{url} does not answer: {type(error).__name__}") from error
        try:
            body = found.json()
        except ValueError:
            body = None
        return Answer(found.status_code, body, {name.lower(): value for name, value in found.headers.items()})
