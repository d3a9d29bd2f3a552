"""Where this package meets the machine it runs on."""
