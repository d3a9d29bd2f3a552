"""What tests of the management side share."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.management.world import Managed, managed


@pytest.fixture
async def house(tmp_path: Path) -> AsyncGenerator[Managed]:
    """The management side, with nothing in it yet."""
    async with managed(tmp_path) as house:
        yield house
