"""The follower: executes commands exactly once and tells what came of them."""
