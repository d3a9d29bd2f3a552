"""One file per resource: how its requests become commands, and outcomes become answers."""
