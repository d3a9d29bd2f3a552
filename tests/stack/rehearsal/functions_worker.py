"""Run by the package's Python in the package's folder, with nothing else installed: load the function app as the worker
does, and call its HTTP function. Prints what was found as JSON."""
# Nothing of this is installed where types are checked.
# pyright: basic

import asyncio
import json
import sys
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path.cwd()))

from azure.functions import HttpRequest

from function_app import app

TRACE = SimpleNamespace(trace_parent="", trace_state="", attributes={})


async def main() -> dict[str, object]:
    functions = {each.get_function_name(): each for each in app.get_functions()}
    call = functions["http"].get_user_function()
    context = SimpleNamespace(
        invocation_id="i", function_name="http", thread_local_storage=None, trace_context=TRACE
    )
    answers = {}
    for path in ("health", "openapi.json", "accounts"):
        url = f"https://kopitra.example/api/admin/{path}"
        answer = await call(HttpRequest(method="GET", url=url, headers={}, body=b""), context)
        answers[path] = {"status": answer.status_code, "body": json.loads(answer.get_body())}
    return {
        "functions": sorted(map(str, functions)),
        "answers": answers,
        "modules": sys.modules["kopitra"].__file__,
    }


print(json.dumps(asyncio.run(main())))
