"""What tests of the management side share."""

from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest

from tests.management.statements import recorded_statements
from tests.management.world import Managed, managed


@pytest.fixture
async def house(tmp_path: Path) -> AsyncGenerator[Managed]:
    """The management side, with nothing in it yet."""
    async with managed(tmp_path) as house:
        yield house


@pytest.fixture(scope="session", autouse=True)
def every_statement_is_t_sql() -> Generator[None]:
    """Whatever statement any of these tests lets be executed is one that SQL Server takes, too."""
    with recorded_statements() as statements:
        yield
    faults = statements.faults()
    assert not faults, "\n\n".join(faults)
