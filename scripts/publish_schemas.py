"""Write docs/schemas from the code: `python -m scripts.publish_schemas`; with `baseline`, also what later changes are
held against (docs/schemas/baseline.json), as part of a release. Refuses a baseline that breaks the one before."""

import json
import sys
from pathlib import Path
from typing import Any

from kopitra.protocol.published_schemas import EVENTS, published_schemas
from kopitra.protocol.schema_compatibility import incompatibilities
from scripts.tooling.steps import ROOT

FOLDER = ROOT / "docs" / "schemas"
BASELINE = FOLDER / "baseline.json"

Schemas = dict[str, dict[str, dict[str, Any]]]


def files() -> dict[Path, str]:
    """Every published file and what it holds."""
    return {
        FOLDER / queue / f"{kind}.json": _text(schema)
        for queue, schemas in published_schemas().items()
        for kind, schema in schemas.items()
    }


def baseline() -> Schemas:
    return json.loads(BASELINE.read_text())


def problems(before: Schemas, now: Schemas) -> list[str]:
    """What of `now` takes something from those who know `before`."""
    found: list[str] = []
    for queue, schemas in before.items():
        for kind, schema in schemas.items():
            current = now.get(queue, {}).get(kind)
            if current is None:
                found.append(f"{queue} {kind} was removed")
                continue
            wrong = incompatibilities(schema, current, told=queue == EVENTS)
            found += [f"{queue} {kind}: {one}" for one in wrong]
    return found


def publish() -> None:
    wanted = files()
    for path in FOLDER.glob("*/*.json"):
        if path not in wanted:
            path.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["baseline"]):
        print(__doc__)
        return 2
    publish()
    if not arguments:
        return 0
    now = published_schemas()
    wrong = problems(baseline(), now) if BASELINE.exists() else []
    for one in wrong:
        print(one, file=sys.stderr)
    if not wrong:
        BASELINE.write_text(_text(now, indent=None))
    return int(bool(wrong))


def _text(value: Any, indent: int | None = 2) -> str:
    return json.dumps(value, indent=indent, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
