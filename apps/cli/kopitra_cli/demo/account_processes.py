"""The processes of one account: a broker with its terminal, and the agent in front of it."""

from pathlib import Path

from kopitra_cli.adapters.processes import ChildProcess, python_module
from kopitra_cli.demo.cast import Account
from kopitra_terminal.settings import AccountSettings, ProcessSettings, encode_settings

LOOPBACK = "127.0.0.1"
LISTENING = r"listening on (\S+)"
SETTLE_SECONDS = "2"
"""These brokers answer within milliseconds: what is not there after two seconds was never sent."""


class AccountProcesses:
    """Everything of the accounts lives in `folder`, their output in `logs`."""

    def __init__(self, folder: Path, logs: Path) -> None:
        self._folder = folder
        self._logs = logs

    def terminal(self, account: Account) -> ChildProcess:
        """Reads what `write_settings` wrote; says where it listens."""
        settings = str(self._settings_file(account))
        return ChildProcess(
            f"terminal of {account.account}",
            python_module("kopitra_terminal", "broker", "--settings", settings),
            environment={},
            log=self._logs / f"terminal-{account.account}.log",
            ready=LISTENING,
        )

    def agent(
        self, account: Account, *, leads: bool, base_url: str, terminal: str, enrolment_code: str
    ) -> ChildProcess:
        name = account.account
        environment = {
            "KOPITRA_AGENT_BASE_URL": base_url,
            "KOPITRA_AGENT_ACCOUNT": name,
            "KOPITRA_AGENT_DEVICE_ID": f"device-{name}",
            "KOPITRA_AGENT_ROLE": "leader" if leads else "follower",
            "KOPITRA_AGENT_STATE_FOLDER": str(self._folder / "agents" / name),
            "KOPITRA_AGENT_ENROLMENT_CODE": enrolment_code,
            "KOPITRA_AGENT_SETTLE_SECONDS": SETTLE_SECONDS,
        }
        arguments = ("agent", "--terminal", terminal, "--login", str(account.login), "--log-level", "info")
        return ChildProcess(
            f"agent of {name}",
            python_module("kopitra_terminal", *arguments),
            environment=environment,
            log=self._logs / f"agent-{name}.log",
        )

    def write_settings(self, account: Account, listen: str = f"{LOOPBACK}:0") -> None:
        """For the terminal's next start; port 0 takes a free one."""
        settings = ProcessSettings(
            listen=listen,
            folder=str(self.broker_folder(account)),
            accounts=(
                AccountSettings(
                    terms=account.terms,
                    symbols=account.specs,
                    profile=account.profile,
                    deposit=account.deposit,
                ),
            ),
            keep_operations=True,
        )
        self._settings_file(account).write_bytes(encode_settings(settings))

    def broker_folder(self, account: Account) -> Path:
        return self._folder / "brokers" / account.account

    def _settings_file(self, account: Account) -> Path:
        return self._folder / f"terminal-{account.account}.json"
