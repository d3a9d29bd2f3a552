"""The rows that lists are measured with are rows as the application would have written them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, func, select

from kopitra_functions.sql.engines import engine_for
from kopitra_functions.sql.tables import accounts, executions, subscriptions
from tests.load.management_rows import fill


def deals_of(path: Path) -> Sequence[Row[*tuple[Any, ...]]]:
    engine = engine_for(f"sqlite:///{path}")
    with engine.connect() as connection:
        found = connection.execute(select(executions).order_by(executions.c.sequence)).all()
    engine.dispose()
    return found


def test_rows_are_read_by_the_tables_and_refer_to_each_other(tmp_path: Path):
    fill(tmp_path / "a.sqlite", number_of_accounts=200, deals=1000)
    engine = engine_for(f"sqlite:///{tmp_path}/a.sqlite")
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(accounts)).scalar_one() == 200
        assert connection.execute(select(subscriptions)).first() is not None
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
    engine.dispose()
    deals = deals_of(tmp_path / "a.sqlite")
    assert len(deals) == 1000
    assert all(deal.occurred_at.tzinfo is not None and deal.fill_price > 0 for deal in deals)


def test_one_seed_gives_the_same_rows(tmp_path: Path):
    for name in ("a", "b"):
        fill(tmp_path / f"{name}.sqlite", number_of_accounts=50, deals=300, seed=3)
    fill(tmp_path / "c.sqlite", number_of_accounts=50, deals=300, seed=4)
    assert (
        deals_of(tmp_path / "a.sqlite") == deals_of(tmp_path / "b.sqlite") != deals_of(tmp_path / "c.sqlite")
    )


def test_a_file_that_is_there_is_left_alone(tmp_path: Path):
    (tmp_path / "a.sqlite").write_text("mine")
    with pytest.raises(FileExistsError):
        fill(tmp_path / "a.sqlite", number_of_accounts=1, deals=1)
