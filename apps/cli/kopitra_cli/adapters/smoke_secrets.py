"""Where `kopitra smoke` takes its secrets from: the environment or files, never arguments, which others can see."""

import os
from pathlib import Path

CODE = "KOPITRA_SMOKE_CODE"
SECRET = "KOPITRA_SMOKE_SECRET"
OWNER_ONLY = 0o600


class SecretUnreadable(Exception):
    """A file cannot be read; the text says why."""


class SmokeSecrets:
    """`secret_file` holds a device's secret, and takes what an enrolment gives; `code_file` a one-time code."""

    def __init__(self, secret_file: Path | None, code_file: Path | None) -> None:
        self._secret_file = secret_file
        self._code_file = code_file

    def secret(self) -> str | None:
        """Raises SecretUnreadable."""
        given = os.environ.get(SECRET)
        if given:
            return given
        file = self._secret_file
        return _read(file) or None if file is not None and file.exists() else None

    def code(self) -> str | None:
        """Raises SecretUnreadable."""
        given = os.environ.get(CODE)
        if given:
            return given
        return _read(self._code_file) or None if self._code_file is not None else None

    def keep(self, secret: str) -> None:
        if self._secret_file is None:
            return
        opened = os.open(self._secret_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY)
        with os.fdopen(opened, "w") as file:
            file.write(secret)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SecretUnreadable(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SecretUnreadable(f"{file}: is not UTF-8 text") from None
