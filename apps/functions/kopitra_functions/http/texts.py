"""What texts of bodies must satisfy beyond their lengths."""

import re
from typing import Any, cast

from kopitra.protocol.messages import FieldError
from kopitra.protocol.parsing import invalid
from kopitra_functions.sql.types import ACCOUNT_LENGTH, WORD_LENGTH

ID_FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]*")
"""As account ids are: readable in paths, logs and messages as they are."""
LENGTHS = {"account": ACCOUNT_LENGTH, "currency": WORD_LENGTH, "platform": WORD_LENGTH}


def require_id(text: str, field: str, longest: int = 128) -> None:
    """Raises Rejected: 422."""
    if len(text) > longest or not ID_FORM.fullmatch(text):
        message = f"must have 1 to {longest} letters, digits or any of . _ : @ -, the first a letter or digit"
        raise invalid([FieldError(path=f"$.{field}", message=message)])


def require_texts(body: Any, *needed: str) -> None:
    """Every text printable, those that are needed not blank. Raises Rejected: 422."""
    problems: list[FieldError] = []
    for field, name in zip(body.__struct_fields__, body.__struct_encode_fields__, strict=True):
        value: Any = getattr(body, field)
        several = cast("tuple[Any, ...]", value) if isinstance(value, tuple) else (value,)
        limit = LENGTHS.get(field)
        for text in several:
            if not isinstance(text, str):
                continue
            if not text.isprintable():
                problems.append(FieldError(path=f"$.{name}", message="must be printable"))
            elif limit is not None and len(text) > limit:
                problems.append(FieldError(path=f"$.{name}", message=f"longer than {limit} characters"))
        if field in needed and isinstance(value, str) and not value.strip():
            problems.append(FieldError(path=f"$.{name}", message="must not be blank"))
    if problems:
        raise invalid(problems)
