"""What an operator tells one agent; wrong values stop the start with a sentence that names the setting."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import msgspec

from kopitra.protocol.limits import HEARTBEAT_SECONDS, MAX_WAIT_SECONDS

ENVIRONMENT_PREFIX = "KOPITRA_AGENT_"
LISTS = frozenset({"quote_symbols"})
"""Fields whose variables hold values separated by commas."""

T = TypeVar("T", bound=msgspec.Struct)


class SettingsInvalid(ValueError):
    """A setting is missing or out of range; the message names it."""


class Role(StrEnum):
    LEADER = "leader"
    FOLLOWER = "follower"
    BOTH = "both"

    @property
    def leads(self) -> bool:
        return self is not Role.FOLLOWER

    @property
    def follows(self) -> bool:
        return self is not Role.LEADER


class AgentSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Durations in seconds; `secret` or, for a device's first start, `enrolment_code`."""

    base_url: str
    account: str
    device_id: str
    role: Role
    state_folder: Path
    secret: str | None = None
    enrolment_code: str | None = None
    platform: str = "mt5"
    poll_wait_seconds: int = 20
    leader_poll_seconds: float = 5.0
    """A leader's outbox holds only notices, so it asks now and then and leaves no request parked."""
    heartbeat_seconds: float = float(HEARTBEAT_SECONDS)
    request_timeout_seconds: float = 10.0
    concurrent_opens: int = 8
    """More would only queue inside the terminal, where an open can no longer be withdrawn."""
    concurrent_closes: int = 16
    concurrent_modifies: int = 8
    settle_seconds: float = 10.0
    """How long a trade may still be on its way to the broker after its sender died or lost the terminal; longer than
    any OrderSend seen. Before that, finding nothing proves nothing."""
    signal_buffer_limit: int = 10_000
    """Signals kept while the counterparty is away: a busy day of a leader, some 5 MB of disk."""
    quote_symbols: tuple[str, ...] = ()
    """Mapped symbols and conversion pairs to quote; empty: those in use, and a small catalogue whole."""

    def __post_init__(self) -> None:
        for name in ("base_url", "account", "device_id"):
            if not getattr(self, name):
                raise SettingsInvalid(f"{name} must not be empty")
        if not 0 <= self.poll_wait_seconds <= MAX_WAIT_SECONDS:
            raise SettingsInvalid(f"poll_wait_seconds must be between 0 and {MAX_WAIT_SECONDS}")
        positive = (
            "leader_poll_seconds",
            "heartbeat_seconds",
            "request_timeout_seconds",
            "concurrent_opens",
            "concurrent_closes",
            "concurrent_modifies",
            "signal_buffer_limit",
        )
        for name in positive:
            if getattr(self, name) <= 0:
                raise SettingsInvalid(f"{name} must be above 0")
        if self.settle_seconds < 0:
            raise SettingsInvalid("settle_seconds must not be negative")


def settings_from(environment: Mapping[str, str]) -> AgentSettings:
    """Read `KOPITRA_AGENT_…` variables (`KOPITRA_AGENT_BASE_URL` …; `QUOTE_SYMBOLS` separated by commas)."""
    return read_prefixed(environment, ENVIRONMENT_PREFIX, AgentSettings)


def read_prefixed(environment: Mapping[str, str], prefix: str, kind: type[T]) -> T:
    """A struct whose fields are the variables with this prefix, in lower case. Empty ones count as not set.

    Raises SettingsInvalid.
    """
    known = {field.name for field in msgspec.structs.fields(kind)}
    given: dict[str, object] = {}
    for name, value in environment.items():
        field = name.removeprefix(prefix).lower()
        if not name.startswith(prefix) or not value:
            continue
        if field not in known:
            raise SettingsInvalid(f"{name} is not a setting")
        given[field] = [s.strip() for s in value.split(",")] if field in LISTS else value
    try:
        return msgspec.convert(given, kind, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise SettingsInvalid(f"{prefix}…: {error}") from error


def _decode(kind: type, value: object) -> object:
    if kind is Path:
        return Path(str(value))
    raise NotImplementedError(kind)
