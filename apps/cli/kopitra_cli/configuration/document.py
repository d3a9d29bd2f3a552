"""How a configuration file is read: everything is checked before anything is believed.

```yaml
tenant: acme
accounts:
  leader-1: {label: Main desk, enrolmentCode: 4kq0…}
  follower-1: {enrolmentCode: 9zt2…, requiresApproval: true}
platform: {settings: {sizing: {mode: balance_ratio}, maxDeviation: 0.0005}}
groups:
  majors: {leaders: [leader-1], settings: {reverse: false}}
followers:
  follower-1: {settings: {maxVolume: 2}, guards: [{name: day, kind: loss, limit: 5, unit: percent, period: day}]}
subscriptions:
  follower-1-majors: {group: majors, follower: follower-1, rules: {symbols: {XAUUSD: GOLD}}}
# Of each setting the last that is given counts: platform, group, subscription (`rules`), follower.
halt:    [{scope: follower, target: follower-9, mode: flatten, reason: withdrawn}]
resume:  [{scope: group, target: majors}]
approve: [follower-1]
```
"""

import re
from collections.abc import Mapping
from typing import Any, TypeVar, cast

import msgspec

from kopitra.domain.guards import guard_problems, name_problems
from kopitra.domain.identifiers import AccountId, GroupId, SubscriptionId
from kopitra.domain.settings import CopySettings, read_settings
from kopitra.protocol.limits import MAX_ID_LENGTH, MAX_TEXT_LENGTH
from kopitra.protocol.operations import HaltParameters, ResumeParameters
from kopitra_cli.configuration.entries import (
    AccountEntry,
    Document,
    GroupEntry,
    LayerEntry,
    SubscriptionEntry,
)
from kopitra_cli.configuration.layers import layer_problems
from kopitra_cli.configuration.problems import ConfigurationInvalid, FileProblem
from kopitra_cli.configuration.yaml_source import Source, inside, read_yaml

T = TypeVar("T")
Layered = TypeVar("Layered", GroupEntry, LayerEntry, SubscriptionEntry)
FREE_TEXT = frozenset({"label", "reason"})
UNKNOWN_FIELD = re.compile(r"Object contains unknown field `(.+)`")
LEAST_CODE_CHARACTERS = 22
"""128 bits in base64: the counterparty keeps a plain SHA-256 of a code, so it must not be guessable."""
SECTIONS = frozenset({"platform", "accounts", "groups", "followers", "subscriptions", "halt", "resume"})
"""Read entry by entry."""


def read_document(text: str, file: str) -> Document:
    """Raises ConfigurationInvalid with every problem that could be found."""
    source = read_yaml(text, file)
    value: Any = source.value
    if not isinstance(value, dict):
        raise ConfigurationInvalid(file, [source.problem("", "expected sections: tenant, accounts, …")])
    reading = _Reading(source)
    document = reading.document(cast("dict[str, Any]", value))
    if document is None or reading.problems:
        raise ConfigurationInvalid(file, reading.problems)
    return document


class _Reading:
    """Entry by entry, so that one mistake does not hide the others."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.problems: list[FileProblem] = []

    def document(self, value: Mapping[str, Any]) -> Document | None:
        platform = self._platform(value)
        accounts = self._entries(value, "accounts", AccountEntry)
        groups = self._layered(value, "groups", GroupEntry)
        followers = self._layered(value, "followers", LayerEntry)
        subscriptions = self._layered(value, "subscriptions", SubscriptionEntry)
        halt = self._list(value, "halt", HaltParameters)
        resume = self._list(value, "resume", ResumeParameters)
        frame = self._convert({n: part for n, part in value.items() if n not in SECTIONS}, "", Document)
        self._check_codes(accounts)
        if frame is None:
            return None
        if not frame.tenant.strip():
            self._refuse("tenant", "must not be empty")
        document = Document(
            tenant=frame.tenant,
            platform=platform,
            accounts={AccountId(name): entry for name, entry in accounts.items()},
            groups={GroupId(name): entry for name, entry in groups.items()},
            followers={AccountId(name): entry for name, entry in followers.items()},
            subscriptions={SubscriptionId(name): entry for name, entry in subscriptions.items()},
            halt=tuple(halt),
            resume=tuple(resume),
            approve=frame.approve,
        )
        for path, message in layer_problems(document):
            self._refuse(path, message)
        return document

    def _platform(self, value: Mapping[str, Any]) -> LayerEntry | None:
        raw = value.get("platform")
        return self._layer(raw, "platform", LayerEntry) if raw is not None else None

    def _layered(self, value: Mapping[str, Any], section: str, kind: type[Layered]) -> dict[str, Layered]:
        found: dict[str, Layered] = {}
        for name, raw in self._section(value, section).items():
            entry = self._layer({} if raw is None else raw, inside(section, name), kind)
            if entry is not None:
                found[name] = entry
        return found

    def _layer(self, raw: Any, path: str, kind: type[Layered]) -> Layered | None:
        """Settings are read first: the domain tells better what is wrong with them."""
        field = "rules" if kind is SubscriptionEntry else "settings"
        where = inside(path, field)
        if not self._has_sound_settings(raw, field, where):
            return None
        entry = self._convert(raw, path, kind)
        if not isinstance(entry, SubscriptionEntry) and entry is not None and entry.guards:
            for number, guard in enumerate(entry.guards):
                for problem in guard_problems(guard, own=path.startswith("followers")):
                    self._refuse(f"{inside(path, 'guards')}[{number}].{problem.path}", problem.message)
            for problem in name_problems(entry.guards):
                self._refuse(inside(path, problem.path), problem.message)
        return entry

    def _has_sound_settings(self, raw: Any, field: str, where: str) -> bool:
        settings = cast("dict[str, Any]", raw).get(field) if isinstance(raw, dict) else None
        problems = read_settings(settings) if settings is not None else []
        if isinstance(problems, CopySettings):
            return True
        for problem in problems:
            self._refuse(inside(where, problem.path) if problem.path else where, problem.message)
        return not problems

    def _entries(self, value: Mapping[str, Any], section: str, kind: type[T]) -> dict[str, T]:
        found: dict[str, T] = {}
        for name, raw in self._section(value, section).items():
            entry = self._convert({} if raw is None else raw, inside(section, name), kind)
            if entry is not None:
                found[name] = entry
        return found

    def _list(self, value: Mapping[str, Any], section: str, kind: type[T]) -> list[T]:
        raw: Any = value.get(section) or []
        if not isinstance(raw, list):
            self._refuse(section, "expected a list")
            return []
        each_raw = cast("list[Any]", raw)
        entries = [self._convert(each, f"{section}[{at}]", kind) for at, each in enumerate(each_raw)]
        return [entry for entry in entries if entry is not None]

    def _section(self, value: Mapping[str, Any], section: str) -> dict[str, Any]:
        raw: Any = value.get(section)
        if raw is None or isinstance(raw, dict):
            return cast("dict[str, Any] | None", raw) or {}
        self._refuse(section, "expected names, each with its settings")
        return {}

    def _convert(self, raw: Any, path: str, kind: type[T]) -> T | None:
        try:
            entry = msgspec.convert(raw, kind)
        except msgspec.ValidationError as error:
            self._refuse_as_told(str(error), path)
            return None
        self._check_lengths(path, entry)
        return entry

    def _check_lengths(self, path: str, entry: Any) -> None:
        """Names that the wire would refuse: the entry's own, and those that it refers to."""
        texts = {path: path.rpartition(".")[2]}
        for field in msgspec.structs.fields(entry):
            value = getattr(entry, field.name)
            several = cast("tuple[object, ...]", value) if isinstance(value, tuple) else (value,)
            for each in several:
                if isinstance(each, str):
                    texts[inside(path, field.encode_name)] = each
        for place, text in texts.items():
            limit = MAX_TEXT_LENGTH if place.rpartition(".")[2] in FREE_TEXT else MAX_ID_LENGTH
            if len(text) > limit:
                self._refuse(place, f"longer than {limit} characters")

    def _refuse_as_told(self, told: str, path: str) -> None:
        """msgspec ends its sentence with the place, and names a field that it does not know before that."""
        message, _, place = told.partition(" - at `$")
        unknown = UNKNOWN_FIELD.match(message)
        names = (place.rstrip("`").lstrip("."), unknown[1] if unknown else "")
        for name in filter(None, names):
            path = inside(path, name)
        self._refuse(path, "is not a setting here" if unknown else message)

    def _check_codes(self, accounts: Mapping[str, AccountEntry]) -> None:
        owners: dict[str, str] = {}
        for name, entry in accounts.items():
            code, path = entry.enrolment_code, inside(inside("accounts", name), "enrolmentCode")
            if code is None:
                continue
            if len(code) < LEAST_CODE_CHARACTERS:
                self._refuse(path, f"needs at least {LEAST_CODE_CHARACTERS} characters, drawn at random")
            owner = owners.setdefault(code, name)
            if owner != name:
                self._refuse(path, f"is the code of {owner} too; each account needs its own")

    def _refuse(self, path: str, message: str) -> None:
        self.problems.append(self._source.problem(path, message))
