"""`python -m kopitra_terminal broker --settings FILE`: simulated brokers and their terminals in one process."""

import argparse
import sys
from pathlib import Path

from kopitra_terminal.bootstrap import run
from kopitra_terminal.settings import SettingsInvalid, read_settings

EXIT_SETTINGS = 2


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m kopitra_terminal", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    broker = commands.add_parser("broker", help="run simulated broker accounts with their terminals")
    broker.add_argument(
        "--settings", type=Path, required=True, help="JSON file: see settings.ProcessSettings"
    )
    chosen = parser.parse_args(arguments)
    try:
        return run(read_settings(chosen.settings))
    except SettingsInvalid as error:
        print(f"kopitra_terminal: {error}", file=sys.stderr)  # noqa: T201
        return EXIT_SETTINGS


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
