"""What Azure's Functions host loads: the management side as one function app."""

from kopitra_functions.bootstrap import function_app

app = function_app()
