"""How columns of ours are written in revisions: by the names that `sql.types` gives them."""

from typing import Any, Literal

from sqlalchemy import LargeBinary, String, Text

from kopitra_functions.sql.types import ExactDecimal, Json, UtcTime


def render_item(kind: str, item: Any, _: Any) -> str | Literal[False]:
    """Alembic's hook; False leaves the item to Alembic."""
    if kind != "type":
        return False
    match item:
        case ExactDecimal() | UtcTime() | Json():
            return f"types.{type(item).__name__}()"
        case Text():
            return "types.long_text()"
        case LargeBinary():
            return "types.sealed_bytes()"
        case String():
            variant = item._variant_mapping["mssql"]  # pyright: ignore[reportPrivateUsage]
            name = "identifier" if getattr(variant, "collation", None) else "words"
            return f"types.{name}({item.length})"
        case _:
            return False
