"""Work that takes longer than a request: done in slices, each a message of `management-tasks` (docs/management.md)."""
