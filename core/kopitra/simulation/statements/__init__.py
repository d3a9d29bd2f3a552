"""Statements of brokers and histories of signals, read into a leader's timeline or refused by line."""

from kopitra.simulation.statements.errors import StatementError
from kopitra.simulation.statements.reading import read_statement

__all__ = ["StatementError", "read_statement"]
