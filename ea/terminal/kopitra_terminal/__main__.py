"""`python -m kopitra_terminal broker --settings FILE`: simulated brokers and their terminals in one process.
`python -m kopitra_terminal agent --terminal ADDRESS --login N`: the agent of one of those accounts, set up by
`KOPITRA_AGENT_…` in the environment.
"""

import argparse
import sys
from pathlib import Path

from kopitra_agent.settings import SettingsInvalid as AgentSettingsInvalid
from kopitra_terminal.bootstrap import run
from kopitra_terminal.settings import SettingsInvalid, read_settings

EXIT_SETTINGS = 2
LEVELS = ("debug", "info", "warning", "error")


def main(arguments: list[str]) -> int:
    chosen = _parser().parse_args(arguments)
    try:
        if chosen.command == "agent":
            from kopitra_terminal.adapters.agent_process import run_agent  # noqa: PLC0415 - see below

            # A broker needs no HTTP client, whose import is four fifths of an agent's start.
            return run_agent(chosen.terminal, chosen.login, chosen.log_level)
        return run(read_settings(chosen.settings))
    except (SettingsInvalid, AgentSettingsInvalid) as error:
        print(f"kopitra_terminal: {error}", file=sys.stderr)  # noqa: T201
        return EXIT_SETTINGS


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m kopitra_terminal", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    broker = commands.add_parser("broker", help="run simulated broker accounts with their terminals")
    broker.add_argument(
        "--settings", type=Path, required=True, help="JSON file: see settings.ProcessSettings"
    )
    agent = commands.add_parser("agent", help="run the agent of one account")
    agent.add_argument("--terminal", required=True, help="where the terminal listens: 127.0.0.1:PORT")
    agent.add_argument("--login", type=int, required=True, help="the account there")
    agent.add_argument("--log-level", choices=LEVELS, default="info")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
