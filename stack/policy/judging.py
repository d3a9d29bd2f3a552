"""What a rule is, and what it is shown."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

AZURE = "azure-native:"


class Unseen:
    """A value that is not known before the deployment: a rule says nothing about it."""

    def __repr__(self) -> str:
        return "UNSEEN"


UNSEEN = Unseen()


@dataclass(frozen=True)
class Judged:
    """A resource as it is about to be made. `kind`: `web:WebApp`. `scope_of`: URNs of what its scope is
    taken from."""

    urn: str
    kind: str
    props: Mapping[str, Any]
    protect: bool
    scope_of: tuple[str, ...] = ()

    @property
    def environment(self) -> str:
        """The stack's name, which every URN begins with: `urn:pulumi:prod::kopitra::…`."""
        return self.urn.removeprefix("urn:pulumi:").split("::", 1)[0]

    def at(self, path: str) -> Any:
        """The value at `siteConfig.minTlsVersion`: None where there is none, UNSEEN where it is not known."""
        value: Any = self.props
        for step in path.split("."):
            if not isinstance(value, Mapping):
                return value if value is UNSEEN else None
            value = cast("Mapping[str, Any]", value).get(step)
        return value


Check = Callable[[Judged], Iterator[str]]
Look = Callable[[Sequence[Judged]], Iterator[str]]


@dataclass(frozen=True)
class Rule:
    """About one resource of the kinds it names (none: any of Azure's). `check` yields a sentence for each breach."""

    name: str
    says: str
    check: Check
    kinds: frozenset[str] = frozenset()

    def breaches(self, resource: Judged) -> list[str]:
        return list(self.check(resource)) if not self.kinds or resource.kind in self.kinds else []


@dataclass(frozen=True)
class StackRule:
    """About a whole environment."""

    name: str
    says: str
    look: Look

    def breaches(self, resources: Sequence[Judged]) -> list[str]:
        return list(self.look(resources))


def wanted(resource: Judged, path: str, *allowed: Any) -> Iterator[str]:
    """One sentence, unless the value at `path` is one of these or not known yet."""
    value = resource.at(path)
    if value is not UNSEEN and value not in allowed:
        yield f"{path} is {value}, and must be {' or '.join(map(str, allowed))}"
