"""The routes of `/api/admin`, one file for each resource; `table` lists them all."""
