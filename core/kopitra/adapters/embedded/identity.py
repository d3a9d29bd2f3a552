"""Ids and secret bytes from the operating system's random source."""

import secrets
import uuid


class SystemIds:
    def new(self) -> str:
        return uuid.uuid4().hex

    def token_bytes(self, count: int) -> bytes:
        return secrets.token_bytes(count)
