"""Up to when timers are done, a small file each: what Azure's host keeps in its storage account."""

from datetime import datetime
from pathlib import Path

import msgspec
import structlog

from kopitra.adapters.embedded.atomic_file import write_atomically

log = structlog.get_logger("kopitra.functions")


class _Status(msgspec.Struct, frozen=True):
    done: datetime


class TimerFiles:
    """`kopitra_cli.functions_host.timers.TimerMemory` in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def recall(self, timer: str) -> datetime | None:
        try:
            return msgspec.json.decode(self._file(timer).read_bytes(), type=_Status).done
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            log.warning("timer_status_unreadable", function=timer, error=str(error))
            return None

    def keep(self, timer: str, done: datetime) -> None:
        """A status that cannot be written only makes a run late, or once too often."""
        file = self._file(timer)
        try:
            write_atomically(file, msgspec.json.encode(_Status(done)), file.with_suffix(".new"))
        except OSError as error:
            log.warning("timer_status_not_kept", function=timer, error=str(error))

    def _file(self, timer: str) -> Path:
        return self._folder / f"{timer}.json"
