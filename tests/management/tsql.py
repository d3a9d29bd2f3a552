"""Whether SQL Server would understand a statement: compiled for it, parsed as T-SQL, and without what it never had."""

import re
from functools import cache

from sqlalchemy.dialects.mssql.mssqlpython import MSDialect_mssqlpython
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlfluff.core import FluffConfig, Linter

DIALECT_NAME = "mssql+mssqlpython"
MAX_PARAMETERS = 2100
FOREIGN = {
    "LIMIT": r"\bLIMIT\b",
    "RETURNING": r"\bRETURNING\b",
    "ON CONFLICT": r"\bON\s+CONFLICT\b",
    "INSERT OR, REPLACE INTO": r"\bINSERT\s+OR\b|\bREPLACE\s+INTO\b",
    "BOOLEAN": r"\bBOOLEAN\b|\bTRUE\b|\bFALSE\b",
    "AUTOINCREMENT": r"\bAUTOINCREMENT\b",
    "|| instead of +": r"\|\|",
    "NULLS FIRST, NULLS LAST": r"\bNULLS\s+(FIRST|LAST)\b",
    "ILIKE, GLOB, REGEXP": r"\bILIKE\b|\bGLOB\b|\bREGEXP\b",
    "IS DISTINCT FROM": r"\bIS\s+(NOT\s+)?DISTINCT\s+FROM\b",
    "WITH RECURSIVE": r"\bWITH\s+RECURSIVE\b",
    "a tuple in IN": r"\([^()]*,[^()]*\)\s+(NOT\s+)?IN\b",
    "EXISTS as a value": r"\bSELECT\s+(TOP\s+\S+\s+)?\(?(NOT\s+)?\(?EXISTS\b",
    "SQLite's own": r"\b(PRAGMA|ROWID|SQLITE_\w+|LAST_INSERT_ROWID)\b",
    "a function that SQL Server lacks": (
        r"\b(STRFTIME|JULIANDAY|UNIXEPOCH|DATETIME|IFNULL|LENGTH|SUBSTR|GROUP_CONCAT|JSON_EXTRACT|JSON_EACH|RANDOM"
        r"|INSTR|PRINTF|TYPEOF|TOTAL|HEX|QUOTE|GREATEST|LEAST|EXTRACT|NOW|AGE)\s*\("
    ),
    "a type that SQL Server lacks": r"\b(DATETIME\s*,|BLOB|SERIAL|JSONB|BYTEA|TIMESTAMP\s+WITH)\b",
}
"""What is wrong → how it looks, in a statement without its literals."""
_patterns = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in FOREIGN.items()}
_literal = re.compile(r"'(?:[^']|'')*'")
_parameter = re.compile(r"(?<![:\w]):(\w+)")


def mssql_dialect() -> MSDialect_mssqlpython:
    """Needs no driver and connects to nothing."""
    return MSDialect_mssqlpython()


def for_mssql(compiled: SQLCompiler) -> str:
    """The text that SQL Server would get for a statement that was compiled for another database; parameters are
    named `@…`. Raises SQLAlchemyError where it cannot be written for SQL Server."""
    assert compiled.statement is not None
    again = compiled.statement.compile(
        dialect=mssql_dialect(),
        column_keys=compiled.column_keys,
        compile_kwargs={"render_postcompile": True},
    )
    return _parameter.sub(r"@\1", str(again))


def faults(compiled: SQLCompiler) -> list[str]:
    """Why SQL Server would not take a statement; none for one that it takes."""
    try:
        text = for_mssql(compiled)
    except (SQLAlchemyError, NotImplementedError) as error:
        return [f"cannot be written for SQL Server: {error}\n{compiled}"]
    return faults_of(text)


@cache
def _linter() -> Linter:
    return Linter(config=FluffConfig(overrides={"dialect": "tsql"}))


@cache
def faults_of(text: str) -> list[str]:
    """The same for a statement's text."""
    bare = _literal.sub("''", text)
    found = [f"{name}:\n{text}" for name, pattern in _patterns.items() if pattern.search(bare)]
    if len(re.findall(r"@\w+", bare)) > MAX_PARAMETERS:
        found.append(f"more than {MAX_PARAMETERS} parameters:\n{text[:500]}")
    parsed = _linter().parse_string(text)
    return found + [f"{violation.desc()}\n{text}" for violation in parsed.violations]


def batches(script: str) -> list[str]:
    """The parts of a script between its GOs."""
    parts = re.split(r"^GO$", script, flags=re.MULTILINE)
    return [part.strip() for part in parts if part.strip()]
