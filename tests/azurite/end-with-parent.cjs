// Loaded before Azurite: ends it when the test run that started it is gone, however that ended.
process.stdin.on("end", () => process.exit(0)).resume();
