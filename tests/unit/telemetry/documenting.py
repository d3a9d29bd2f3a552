"""The tables of docs/telemetry.md, as they follow from the code: `python -m tests.unit.telemetry.documenting` shows
them."""

from kopitra.application.features import FLAGS
from kopitra.application.measured import INSTRUMENTS
from kopitra.application.ports.telemetry import Service

SHORT = {Service.COUNTERPARTY: "counterparty", Service.FUNCTIONS: "functions"}


def figures() -> str:
    rows = ["| figure | kind, unit | dimensions | told by | what it says |", "|---|---|---|---|---|"]
    for one in INSTRUMENTS:
        dimensions = "; ".join(f"`{d.name}`: {', '.join(d.values)}" for d in one.dimensions) or "–"
        told_by = ", ".join(SHORT[service] for service in one.told_by)
        unit = one.unit.strip("{}")
        rows.append(f"| `{one.name}` | {one.kind}, {unit} | {dimensions} | {told_by} | {one.description} |")
    return "\n".join(rows)


def flags() -> str:
    rows = ["| flag | default | read by | what is gone while it is off |", "|---|---|---|---|"]
    for one in FLAGS:
        read_by = ", ".join(SHORT[service] for service in one.read_by)
        rows.append(f"| `{one.name}` | {'on' if one.default else 'off'} | {read_by} | {one.gates} |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(figures(), flags(), sep="\n\n")
