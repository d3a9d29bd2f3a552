"""The `kopitra` command: the demonstration, configuration from readable files, and statements."""
