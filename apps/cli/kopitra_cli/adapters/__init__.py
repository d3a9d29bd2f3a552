"""Where the command line meets the machine: child processes, sockets, the journal's file."""
