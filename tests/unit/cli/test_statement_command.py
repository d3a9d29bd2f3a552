"""`kopitra statement` says what a statement holds."""

from decimal import Decimal
from pathlib import Path

from typer.testing import CliRunner

from kopitra.simulation.histories.sample import sample_history
from kopitra_cli.commands import app
from kopitra_cli.statement_summary import summary_of, summary_table


def test_sums_and_counts_are_those_of_the_events() -> None:
    timeline = sample_history()
    summary = summary_of(timeline)
    assert sum(summary.events.values()) == len(timeline.events)
    assert set(summary.symbols) == set(timeline.symbols())
    assert summary.deposits == Decimal(100_000) + Decimal(5000) + Decimal(2500)
    assert summary.final_balance == (
        summary.deposits + summary.withdrawals + summary.profit + summary.commission + summary.swap
    )


def test_each_fact_is_a_line() -> None:
    lines = list(summary_table(summary_of(sample_history())))
    assert lines[0] == "source             generated, USD"
    assert any(line.startswith("final balance") for line in lines)


def test_a_real_statement_is_summed_to_its_own_final_balance(shared_data: Path) -> None:
    statement = shared_data / "statements" / "mt4-detailed-2019-2020.htm"
    result = CliRunner().invoke(app, ["statement", str(statement)])
    assert result.exit_code == 0, result.output
    assert "final balance      151396" in result.output


def test_a_file_that_is_no_statement_is_refused_by_line(tmp_path: Path) -> None:
    file = tmp_path / "shopping.txt"
    file.write_text("eggs\nmilk\n")
    result = CliRunner().invoke(app, ["statement", str(file)])
    assert result.exit_code == 1
    assert "line 1" in result.output
