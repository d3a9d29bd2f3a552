"""Who works in the tests of this folder: two leaders, three followers, and two accounts whose sessions change."""

from itertools import count
from pathlib import Path

from tests.integration.faults import configuration
from tests.integration.faults.roles import Turn, door, follower, leader, reporter, tell_symbols
from tests.integration.faults.traffic import Terminal, Traffic

LEADERS = ("leader-0", "leader-1")
FOLLOWERS = ("follower-0", "follower-1", "follower-2")
DOORS = ("door-0", "door-1")


async def opened(traffic: Traffic, folder: Path) -> list[Terminal]:
    """Everybody enrolled, with a session; followers know their symbols."""
    names = [*LEADERS, *FOLLOWERS, *DOORS]
    await configuration.publish(folder, configuration.accounts(names))
    await configuration.publish(folder, configuration.copying("group", LEADERS, FOLLOWERS))
    terminals = [Terminal(traffic, name) for name in names]
    for terminal in terminals:
        await terminal.enrol_once_published()
        await terminal.open()
    for terminal in terminals:
        if terminal.account not in DOORS:
            await tell_symbols(terminal)
    return terminals


def workers(terminals: list[Terminal]) -> list[tuple[Terminal, Turn]]:
    """Who does what: every leader three streams, every follower a hand and a reporter."""
    tickets = count(1)
    found: list[tuple[Terminal, Turn]] = []
    for terminal in terminals:
        if terminal.account in LEADERS:
            found += [(terminal.beside(), leader(f"{terminal.account}-{number}")) for number in range(3)]
        elif terminal.account in FOLLOWERS:
            found.append((terminal.beside(), follower(tickets)))
            found.append((terminal.beside(), reporter(terminal.account)))
        else:
            found.append((terminal.beside(), door))
    return found
