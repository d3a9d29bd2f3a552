"""What the journal's reader thread does, on a connection of its own. Everything blocks."""

from collections.abc import Sequence

from kopitra.adapters.embedded.journal_file import JournalFile, reported
from kopitra.application.commit_encoding import CommitDamaged, decode_commit
from kopitra.application.ports.journal import Commit, Frame, JournalUnavailable


class JournalReader:
    def __init__(self, file: JournalFile) -> None:
        self._file = file

    def commits_after(self, sequence: int) -> list[Commit]:
        commits: list[Commit] = []
        for last, content in self._file.commits_after(sequence):
            commit = self._decoded(last, content)
            if commit[0].last <= sequence:
                commit = tuple(frame for frame in commit if frame.last > sequence)
            commits.append(commit)
        return commits

    def covering(self, sequences: Sequence[int]) -> list[Frame]:
        found: dict[int, Frame] = {}
        commit: Commit = ()
        for sequence in sequences:
            if not commit or commit[-1].last < sequence:
                stored = self._file.covering(sequence)
                if stored is None:
                    break
                commit = self._decoded(*stored)
            found.update((f.sequence, f) for f in commit if f.sequence <= sequence <= f.last)
        return list(found.values())

    def head(self) -> int:
        with reported():
            return self._file.fence()[0].sequence

    def bytes_used(self) -> int:
        return self._file.bytes_used()

    def close(self) -> None:
        self._file.close()

    def _decoded(self, last: int, content: bytes) -> Commit:
        try:
            commit = decode_commit(content)
        except CommitDamaged as error:
            raise JournalUnavailable("corrupt", f"the commit that ends at {last}: {error}") from error
        if commit[-1].last != last:
            raise JournalUnavailable(
                "corrupt", f"the commit at {last} says that it ends at {commit[-1].last}"
            )
        return commit
