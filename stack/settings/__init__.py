"""Every setting of one environment, frozen and validated before anything of Azure is touched."""

from stack.settings.loading import SettingsInvalid, settings_from
from stack.settings.model import Environment, Settings

__all__ = ["Environment", "Settings", "SettingsInvalid", "settings_from"]
