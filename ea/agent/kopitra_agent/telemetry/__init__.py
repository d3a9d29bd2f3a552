"""What the agent tells of its account and terminal, and when."""
