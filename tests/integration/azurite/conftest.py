"""Azurite for tests of what is sent to it."""

from tests.fixtures.azurite import azurite_blob, azurite_table

__all__ = ["azurite_blob", "azurite_table"]
