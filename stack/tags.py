"""The tags that everything taggable carries."""

from collections.abc import Mapping
from typing import Protocol

from stack.naming import APPLICATION

REQUIRED_TAGS = ("environment", "application", "owner", "costCenter", "dataClassification")


class Tagged(Protocol):
    """Whatever says what the tags say."""

    @property
    def environment(self) -> str: ...
    @property
    def owner(self) -> str: ...
    @property
    def cost_center(self) -> str: ...
    @property
    def data_classification(self) -> str: ...


def tags_of(settings: Tagged, **more: str) -> Mapping[str, str]:
    """`more`: of one resource; the required ones cannot be replaced."""
    required = {
        "environment": settings.environment,
        "application": APPLICATION,
        "owner": settings.owner,
        "costCenter": settings.cost_center,
        "dataClassification": settings.data_classification,
    }
    return {**more, **required}
