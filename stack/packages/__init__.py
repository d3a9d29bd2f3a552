"""The apps' packages: the same inputs give the same bytes, and nothing is fetched or built on the server."""
