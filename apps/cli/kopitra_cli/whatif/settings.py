"""Settings files of what-if runs: read strictly, every problem with its line; several files become one plan."""

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any, TypeVar, cast

import msgspec

from kopitra.domain.guards import Guard
from kopitra.domain.settings import CopySettings
from kopitra.simulation.whatif.plan import BrokerPlan, FollowerPlan, LeaderPlan, WhatIfPlan, problems_of
from kopitra_cli.configuration.problems import ConfigurationInvalid, FileProblem
from kopitra_cli.configuration.yaml_source import Source, inside, read_yaml

T = TypeVar("T")
UNKNOWN_FIELD = re.compile(r"Object contains unknown field `(.+)`")
COMMON = ("leader", "rules", "guards", "latency_ms", "spread_points", "rates")
"""What every file of one run must say alike: followers are compared in one world."""


def read_plan(text: str, file: str) -> WhatIfPlan:
    """Raises ConfigurationInvalid with every problem that could be found."""
    source = read_yaml(text, file)
    value: Any = source.value
    if not isinstance(value, dict):
        raise ConfigurationInvalid(file, [source.problem("", "expected settings: followers, …")])
    reading = _Reading(source)
    plan = reading.plan(cast("dict[str, Any]", value))
    if plan is None or reading.problems:
        raise ConfigurationInvalid(file, reading.problems)
    return plan


def together(plans: Sequence[tuple[str, WhatIfPlan]]) -> WhatIfPlan:
    """Plans by their files' names as one. Followers of the same name in several files get the file's name in front.

    Raises ConfigurationInvalid where the files differ in what concerns all followers.
    """
    (first_file, first), *others = plans
    for file, plan in others:
        for field in COMMON:
            if getattr(plan, field) != getattr(first, field):
                name = next(f.encode_name for f in msgspec.structs.fields(WhatIfPlan) if f.name == field)
                told = f"differs from {first_file}: followers can only be compared where it is the same"
                raise ConfigurationInvalid(file, [FileProblem(1, name, told)])
    names = [name for _, plan in plans for name in plan.followers]
    followers: dict[str, FollowerPlan] = {}
    for file, plan in plans:
        for name, follower in plan.followers.items():
            own = name if names.count(name) == 1 else f"{PurePath(file).stem} {name}"
            if own in followers:
                raise ConfigurationInvalid(file, [FileProblem(1, f"followers.{name}", "is there twice")])
            followers[own] = follower
    return msgspec.structs.replace(first, followers=followers)


class _Reading:
    """Part by part, so that one mistake does not hide the others."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.problems: list[FileProblem] = []

    def plan(self, value: Mapping[str, Any]) -> WhatIfPlan | None:
        parts = self._parts(value, "", {"leader": LeaderPlan, "rules": CopySettings})
        guards = self._guards(value.get("guards"), "guards")
        followers = self._followers(value.get("followers"))
        apart = {"leader", "rules", "guards", "followers"}
        rest = {name: part for name, part in value.items() if name not in apart}
        frame = self._convert({**rest, "followers": {}}, "", WhatIfPlan)
        if self.problems or frame is None:
            return None
        plan = msgspec.structs.replace(frame, followers=followers, guards=guards, **parts)
        for problem in problems_of(plan):
            self._refuse(problem.path, problem.message)
        return plan

    def _followers(self, raw: Any) -> dict[str, FollowerPlan]:
        if not isinstance(raw, dict):
            self._refuse("followers", "expected names, each with currency, deposit and rules")
            return {}
        found: dict[str, FollowerPlan] = {}
        for name, each in cast("dict[str, Any]", raw).items():
            path = inside("followers", name)
            follower = self._follower(each, path)
            if follower is not None:
                found[name] = follower
        return found

    def _follower(self, raw: Any, path: str) -> FollowerPlan | None:
        if not isinstance(raw, dict):
            self._refuse(path, "expected currency, deposit and rules")
            return None
        fields = cast("dict[str, Any]", raw)
        parts = self._parts(fields, path, {"broker": BrokerPlan, "rules": CopySettings})
        guards = self._guards(fields.get("guards"), inside(path, "guards"))
        rest = {name: part for name, part in fields.items() if name not in ("broker", "rules", "guards")}
        frame = self._convert(rest, path, FollowerPlan)
        return None if frame is None else msgspec.structs.replace(frame, guards=guards, **parts)

    def _parts(self, fields: Mapping[str, Any], path: str, kinds: Mapping[str, type[Any]]) -> dict[str, Any]:
        """Those sections that are there, each read by itself; problems are noted."""
        read = {
            name: self._convert(fields[name], inside(path, name), kind)
            for name, kind in kinds.items()
            if fields.get(name) is not None
        }
        return {name: part for name, part in read.items() if part is not None}

    def _guards(self, raw: Any, path: str) -> tuple[Guard, ...]:
        if raw is None:
            return ()
        if not isinstance(raw, list):
            self._refuse(path, "expected a list of guards")
            return ()
        each_raw = cast("list[Any]", raw)
        read = [self._convert(each, f"{path}[{at}]", Guard) for at, each in enumerate(each_raw)]
        return tuple(guard for guard in read if guard is not None)

    def _convert(self, raw: Any, path: str, kind: type[T]) -> T | None:
        try:
            return msgspec.convert(raw, kind)
        except msgspec.ValidationError as error:
            message, _, place = str(error).partition(" - at `$")
            unknown = UNKNOWN_FIELD.match(message)
            for name in filter(None, (place.rstrip("`").lstrip("."), unknown[1] if unknown else "")):
                path = inside(path, name)
            self._refuse(path, "is not a setting here" if unknown else message)
            return None

    def _refuse(self, path: str, message: str) -> None:
        self.problems.append(self._source.problem(path, message))
