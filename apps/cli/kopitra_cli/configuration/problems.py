"""What is wrong with a configuration file, said with file, line and path."""

from collections.abc import Sequence

import msgspec

ROOT = ""


class FileProblem(msgspec.Struct, frozen=True):
    """`line` counts from 1; `path` is the place in the file ("subscriptions.s1.rules.sizing"), empty for the whole."""

    line: int
    path: str
    message: str

    def told(self, file: str) -> str:
        where = f"{file}:{self.line}"
        return f"{where}: {self.path}: {self.message}" if self.path else f"{where}: {self.message}"


class ConfigurationInvalid(ValueError):
    """The file is not applied, and nothing of it is sent; the message has one line for each problem."""

    def __init__(self, file: str, problems: Sequence[FileProblem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.line, problem.path)))
        super().__init__("\n".join(problem.told(file) for problem in self.problems))
