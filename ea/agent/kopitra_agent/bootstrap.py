"""Wires one agent to the real world, or to a world that a simulation gives it."""

from kopitra_agent.adapters.files import FileStorage
from kopitra_agent.adapters.http import HttpTransport
from kopitra_agent.adapters.system import SystemClock, SystemIds, SystemSleeper
from kopitra_agent.agent import Agent
from kopitra_agent.ports.terminal import Terminal
from kopitra_agent.settings import AgentSettings
from kopitra_agent.wiring import AgentPorts


def build_agent(settings: AgentSettings, terminal: Terminal, ports: AgentPorts | None = None) -> Agent:
    """An agent for one account; `await agent.run(stop_event)` serves until the event is set.

    `ports` default to the machine's clock, HTTP to `settings.base_url` and files in `settings.state_folder`. Raises
    FolderInUse when another agent works in that folder.
    """
    return Agent(settings, terminal, ports or real_ports(settings))


def real_ports(settings: AgentSettings) -> AgentPorts:
    return AgentPorts(
        clock=SystemClock(),
        sleeper=SystemSleeper(),
        ids=SystemIds(),
        transport=HttpTransport(settings.base_url),
        storage=FileStorage(settings.state_folder),
    )
