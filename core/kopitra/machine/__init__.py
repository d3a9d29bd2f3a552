"""The deterministic machine: `decide` turns a command into events, `evolve` applies them, `replay` repeats them."""
