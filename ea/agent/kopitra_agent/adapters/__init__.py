"""The agent's ports made of real things."""
