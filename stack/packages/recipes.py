"""What goes into each app's package."""

from dataclasses import dataclass

TARGET_PYTHON = "3.13"
TARGET_PLATFORM = "x86_64-manylinux_2_28"
"""App Service's and Flex Consumption's Linux images have glibc 2.31 and newer ones; no wheel of ours asks for more."""
LIBRARIES = ".python_packages/lib/site-packages"
"""Where the Functions host looks by itself, and where the stack's PYTHONPATH points for App Service."""


@dataclass(frozen=True)
class Recipe:
    """`requirements`: the hashed file; `packages`: our own, as folders below the root; `beside`: files that lie at the
    package's root, by their place in the repository."""

    app: str
    requirements: str
    packages: tuple[str, ...]
    beside: tuple[str, ...] = ()


COUNTERPARTY = Recipe(
    app="counterparty",
    requirements="requirements/counterparty.txt",
    packages=("core/kopitra", "apps/counterparty/kopitra_counterparty"),
)
FUNCTIONS = Recipe(
    app="functions",
    requirements="requirements/functions.txt",
    packages=("core/kopitra", "apps/functions/kopitra_functions"),
    beside=("apps/functions/function_app.py", "apps/functions/host.json"),
)
RECIPES = {recipe.app: recipe for recipe in (COUNTERPARTY, FUNCTIONS)}
