"""A real Pulumi engine on PATH, which a machine may lack: how to get one is in docs/deploying.md."""

import os

import pytest

from tests.stack.engine.stage import REQUIRED, engine, version


@pytest.fixture(scope="session", autouse=True)
def real_engine() -> str:
    """Its version."""
    if engine() is None:
        if os.environ.get(REQUIRED) == "1":
            pytest.fail(f"{REQUIRED}=1, and there is no pulumi on PATH (docs/deploying.md)")
        pytest.skip("there is no pulumi on PATH (docs/deploying.md)")
    found = version()
    print(f"pulumi {found}")
    return found
