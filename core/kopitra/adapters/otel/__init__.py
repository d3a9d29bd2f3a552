"""`kopitra.application.ports.telemetry` by the OpenTelemetry SDK. Imported only where telemetry goes somewhere."""
