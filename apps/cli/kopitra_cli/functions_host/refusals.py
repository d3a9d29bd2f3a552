"""What the local host cannot do."""


class HostRefused(Exception):
    """The function app asks for something that this host does not know; the text names the function."""
