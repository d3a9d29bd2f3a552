"""Settings of one file taken together: what a subscription's layers come to, and whose value is wrong.

What was published before is not known here; the counterparty judges with it.
"""

from collections.abc import Iterator

from kopitra.domain.identifiers import SubscriptionId
from kopitra.domain.settings import SIZING_MISSING, CopySettings, Layer, effective
from kopitra_cli.configuration.entries import Document, SubscriptionEntry
from kopitra_cli.configuration.yaml_source import inside

Place = tuple[Layer, str, CopySettings]
"""A layer, where the file sets it, and what it sets."""


def layer_problems(document: Document) -> list[tuple[str, str]]:
    """Path and message of every value that cannot be used, once for each place."""
    found: dict[tuple[str, str], None] = {}
    for name, entry in document.subscriptions.items():
        found.update(dict.fromkeys(_problems(list(_layers(document, name, entry)))))
    for place in _unused(document):
        found.update(dict.fromkeys(_problems([place])))
    return list(found)


def _layers(document: Document, name: SubscriptionId, entry: SubscriptionEntry) -> Iterator[Place]:
    group, follower = document.groups.get(entry.group), document.followers.get(entry.follower)
    if document.platform is not None and document.platform.settings is not None:
        yield Layer.PLATFORM, "platform.settings", document.platform.settings
    if group is not None and group.settings is not None:
        yield Layer.GROUP, f"groups.{entry.group}.settings", group.settings
    yield Layer.SUBSCRIPTION, f"subscriptions.{name}.rules", entry.rules
    if follower is not None and follower.settings is not None:
        yield Layer.FOLLOWER, f"followers.{entry.follower}.settings", follower.settings


def _unused(document: Document) -> Iterator[Place]:
    """Layers that no subscription of the file has."""
    subscriptions = document.subscriptions.values()
    if document.platform is not None and document.platform.settings is not None and not subscriptions:
        yield Layer.PLATFORM, "platform.settings", document.platform.settings
    for group, entry in document.groups.items():
        if entry.settings is not None and all(s.group != group for s in subscriptions):
            yield Layer.GROUP, f"groups.{group}.settings", entry.settings
    for follower, entry in document.followers.items():
        if entry.settings is not None and all(s.follower != follower for s in subscriptions):
            yield Layer.FOLLOWER, f"followers.{follower}.settings", entry.settings


def _problems(places: list[Place]) -> Iterator[tuple[str, str]]:
    rules = effective((layer, settings) for layer, _, settings in places)
    paths = {layer: path for layer, path, _ in places}
    own = paths.get(Layer.SUBSCRIPTION, places[0][1])
    for problem in rules.problems:
        if problem is not SIZING_MISSING:
            yield inside(paths.get(rules.origin(problem.path), own), problem.path), problem.message
