"""The wire contract, version 1: messages, problem details, limits and schemas."""
