"""Feature flags as the settings say, for as long as the process lives."""

from collections.abc import Mapping

from kopitra.application.ports.feature_flags import AsDeclared, Flag


class FixedFlags(AsDeclared):
    """By name; the default of the table for whatever is not given."""

    def __init__(self, given: Mapping[str, bool] | None = None) -> None:
        self._given = dict(given or {})

    def enabled(self, flag: Flag) -> bool:
        return self._given.get(flag.name, flag.default)
