"""The shape of a configuration file, and how one is read: everything is checked before anything is believed.

```yaml
tenant: acme
accounts:
  leader-1: {label: Main desk, enrolmentCode: 4kq0…}
  follower-1: {enrolmentCode: 9zt2…, requiresApproval: true}
groups:
  majors: {leaders: [leader-1]}
subscriptions:
  follower-1-majors: {group: majors, follower: follower-1, rules: {sizing: {mode: balance_ratio}}}
halt:    [{scope: follower, target: follower-9, mode: flatten, reason: withdrawn}]
resume:  [{scope: group, target: majors}]
approve: [follower-1]
```
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar, cast

import msgspec

from kopitra.domain.identifiers import AccountId, DeviceId, GroupId, SubscriptionId, TenantId
from kopitra.domain.rule_checks import read_rules
from kopitra.domain.rules import CopyRules
from kopitra.protocol.limits import MAX_ID_LENGTH, MAX_TEXT_LENGTH
from kopitra.protocol.operations import HaltParameters, ResumeParameters
from kopitra_cli.configuration.problems import ConfigurationInvalid, FileProblem
from kopitra_cli.configuration.yaml_source import Source, inside, read_yaml

T = TypeVar("T")
FREE_TEXT = frozenset({"label", "reason"})
UNKNOWN_FIELD = re.compile(r"Object contains unknown field `(.+)`")
LEAST_CODE_CHARACTERS = 22
"""128 bits in base64: the counterparty keeps a plain SHA-256 of a code, so it must not be guessable."""


class _Entry(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    pass


class AccountEntry(_Entry, frozen=True, kw_only=True):
    label: str = ""
    enabled: bool = True
    requires_approval: bool = False
    enrolment_code: str | None = None
    enrolment_expires_at: datetime | None = None
    revoked_devices: tuple[DeviceId, ...] = ()


class GroupEntry(_Entry, frozen=True, kw_only=True):
    leaders: tuple[AccountId, ...]
    enabled: bool = True


class SubscriptionEntry(_Entry, frozen=True, kw_only=True):
    group: GroupId
    follower: AccountId
    rules: CopyRules
    enabled: bool = True


class Document(_Entry, frozen=True, kw_only=True):
    tenant: TenantId
    accounts: dict[AccountId, AccountEntry] = {}
    groups: dict[GroupId, GroupEntry] = {}
    subscriptions: dict[SubscriptionId, SubscriptionEntry] = {}
    halt: tuple[HaltParameters, ...] = ()
    resume: tuple[ResumeParameters, ...] = ()
    approve: tuple[AccountId, ...] = ()


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
        accounts = self._entries(value, "accounts", AccountEntry)
        groups = self._entries(value, "groups", GroupEntry)
        subscriptions = self._subscriptions(value)
        halt = self._list(value, "halt", HaltParameters)
        resume = self._list(value, "resume", ResumeParameters)
        rest = {name: part for name, part in value.items() if name not in Document.__struct_fields__[1:6]}
        frame = self._convert(rest, "", Document)
        self._check_codes(accounts)
        if frame is None:
            return None
        if not frame.tenant.strip():
            self._refuse("tenant", "must not be empty")
        return Document(
            tenant=frame.tenant,
            accounts={AccountId(name): entry for name, entry in accounts.items()},
            groups={GroupId(name): entry for name, entry in groups.items()},
            subscriptions={SubscriptionId(name): entry for name, entry in subscriptions.items()},
            halt=tuple(halt),
            resume=tuple(resume),
            approve=frame.approve,
        )

    def _entries(self, value: Mapping[str, Any], section: str, kind: type[T]) -> dict[str, T]:
        found: dict[str, T] = {}
        for name, raw in self._section(value, section).items():
            entry = self._convert({} if raw is None else raw, inside(section, name), kind)
            if entry is not None:
                found[name] = entry
        return found

    def _subscriptions(self, value: Mapping[str, Any]) -> dict[str, SubscriptionEntry]:
        found: dict[str, SubscriptionEntry] = {}
        for name, raw in self._section(value, "subscriptions").items():
            path = inside("subscriptions", name)
            entry = self._convert(raw, path, SubscriptionEntry) if self._has_sound_rules(raw, path) else None
            if entry is not None:
                found[name] = entry
        return found

    def _has_sound_rules(self, raw: Any, path: str) -> bool:
        """Whether the domain's own checks, which know more than types, accept the rules; none are none to refuse."""
        rules = cast("dict[str, Any]", raw).get("rules") if isinstance(raw, dict) else None
        problems = read_rules(rules) if rules is not None else []
        if isinstance(problems, CopyRules):
            return True
        for problem in problems:
            where = inside(path, "rules")
            self._refuse(inside(where, problem.path) if problem.path else where, problem.message)
        return not problems

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
