"""A thin local host of the management side's functions: what Azure's host does for them, in one process."""
