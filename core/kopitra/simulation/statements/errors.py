"""Why a statement was not imported."""


class StatementError(ValueError):
    """The file is not a statement, is cut off, or contradicts itself; `line` counts from 1, None where no
    line is to blame."""

    code = "statement_refused"

    def __init__(self, line: int | None, reason: str) -> None:
        self.line = line
        self.reason = reason
        super().__init__(reason if line is None else f"line {line}: {reason}")
