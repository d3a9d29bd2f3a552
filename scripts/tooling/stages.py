"""The stages of the tests and the folders each covers, from the quickest answer to the slowest."""

STAGES = {
    "core": ("unit", "golden", "architecture"),
    "conformance": ("conformance",),
    "simulation": ("simulation",),
    "management": ("management",),
    "stack": ("stack",),
    "system": ("integration", "contract", "e2e"),
}
"""Folders under tests/."""
NOT_STAGES = ("load",)
"""Folders under tests/ with an entry of their own: load is `bench`."""


def stage_of(folder: str) -> str | None:
    """The stage that a folder under tests/ belongs to."""
    return next((stage for stage, folders in STAGES.items() if folder in folders), None)
