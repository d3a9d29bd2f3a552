"""A small, safe language for volumes: `0.5 * leader_volume * equity / leader_equity if price < 2000 else 0`.

Python's parser reads it, and nothing but what is listed here gets through: numbers, known names, + - * / // %,
comparisons, `a if test else b`, and/or/not, and `FUNCTIONS`. No loop, no power, no attribute, no other call: the work
is bounded by the length. Numbers are decimals; `//` and `%` round towards zero.
"""

import ast
import operator
import re
from collections.abc import Callable, Mapping
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from functools import lru_cache
from types import MappingProxyType

import msgspec

MOST_CHARACTERS = 500
"""Longer than any rule that its owner still understands."""
MOST_NODES = 100
"""As many steps as evaluating takes at most."""
MOST_DEPTH = 20
"""Evaluating recurses this deep."""
MOST_REMEMBERED = 1024
"""Texts whose parsed form is kept; a platform has a few dozen."""

INPUTS = frozenset(
    {
        "leader_volume",
        "leader_balance",
        "leader_equity",
        "leader_free_margin",
        "leader_contract_size",
        "balance",
        "equity",
        "free_margin",
        "contract_size",
        "contract_ratio",
        "price",
        "stop_distance",
        "value_per_price_unit",
    }
)
"""Volumes in lots, money in the follower's currency, prices and distances in price units; `contract_ratio`: leader's
contract size ÷ follower's; `value_per_price_unit`: what one lot of the follower gains when the price moves by one."""

CALCULATION = Context(
    prec=28,
    rounding=ROUND_HALF_EVEN,
    Emin=-999,
    Emax=999,
    traps=[InvalidOperation, DivisionByZero, Overflow],
)
"""Always this one, so that an expression gives the same digits everywhere."""

Values = Mapping[str, Decimal]
Number = Callable[[Values], Decimal]
Truth = Callable[[Values], bool]

FUNCTIONS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {"min": (2, MOST_NODES), "max": (2, MOST_NODES), "abs": (1, 1), "floor": (1, 1)}
)
"""Name → fewest and most arguments."""
_ARITHMETIC: dict[type[ast.operator], Callable[[Decimal, Decimal], Decimal]] = {
    ast.Add: CALCULATION.add,
    ast.Sub: CALCULATION.subtract,
    ast.Mult: CALCULATION.multiply,
    ast.Div: CALCULATION.divide,
    ast.FloorDiv: CALCULATION.divide_int,
    ast.Mod: CALCULATION.remainder,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Decimal, Decimal], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_NUMBER = re.compile(r"\d+(?:\.\d*)?|\.\d+", re.ASCII)
_TOKENS = re.compile(
    rf"(?:[ \t\r\n]|(?:{_NUMBER.pattern})(?![\w.])|[A-Za-z_]\w*|[<>=!]=|[-+*/%()<>,])*", re.ASCII
)


class Mistake(msgspec.Struct, frozen=True):
    """What is wrong with an expression; `position` counts characters from 1."""

    position: int
    message: str

    def __str__(self) -> str:
        return f"at character {self.position}: {self.message}"


class Expression(msgspec.Struct, frozen=True):
    """A checked expression. `names`: the inputs that it mentions, in alphabetical order."""

    text: str
    names: tuple[str, ...]
    calculate: Number

    def value(self, values: Values) -> Decimal | None:
        """None where the figures allow no result: a division by zero, a number beyond reason.

        `values` has all of `names`, each finite.
        """
        try:
            return CALCULATION.plus(self.calculate(values))
        except (InvalidOperation, DivisionByZero, Overflow):
            return None


class _Refused(Exception):
    def __init__(self, node: ast.expr, message: str) -> None:
        super().__init__(message)
        self.column = node.col_offset
        self.message = message


@lru_cache(maxsize=MOST_REMEMBERED)
def parse(text: str) -> Expression | Mistake:
    """The expression, or the first mistake in it. Never raises."""
    if len(text) > MOST_CHARACTERS:
        return Mistake(MOST_CHARACTERS + 1, f"is longer than {MOST_CHARACTERS} characters")
    read = _TOKENS.match(text)
    if read is None or read.end() < len(text):
        position = read.end() if read is not None else 0
        return Mistake(position + 1, f"{text[position]!r} does not belong here")
    line = " ".join(re.split(r"[\t\r\n]", text))
    indent = len(line) - len(line.lstrip(" "))
    try:
        tree = ast.parse(line[indent:], mode="eval").body
        names = _checked(tree)
        calculate = _Reader(line[indent:]).number(tree)
    except SyntaxError as error:
        return Mistake((error.offset or 1) + indent, "is not an expression")
    except (RecursionError, MemoryError):
        return Mistake(1, "is nested too deeply")
    except _Refused as refused:
        return Mistake(refused.column + indent + 1, refused.message)
    return Expression(text, names, calculate)


def _checked(tree: ast.expr) -> tuple[str, ...]:
    """The inputs that it mentions. Raises _Refused where it is too large or mentions anything else."""
    names: set[str] = set()
    waiting: list[tuple[ast.expr, int]] = [(tree, 1)]
    nodes = 0
    while waiting:
        node, depth = waiting.pop()
        nodes += 1
        if nodes > MOST_NODES:
            raise _Refused(node, f"has more than {MOST_NODES} parts")
        if depth > MOST_DEPTH:
            raise _Refused(node, f"is nested more than {MOST_DEPTH} deep")
        if isinstance(node, ast.Name) and node.id not in FUNCTIONS:
            names.add(_known(node))
        waiting.extend((c, depth + 1) for c in ast.iter_child_nodes(node) if isinstance(c, ast.expr))
    return tuple(sorted(names))


def _known(node: ast.Name) -> str:
    if node.id not in INPUTS:
        raise _Refused(node, f"{node.id} is unknown; known are {', '.join(sorted(INPUTS))}")
    return node.id


class _Reader:
    """Turns nodes into functions of the inputs; whatever is neither a number nor a truth is refused."""

    def __init__(self, text: str) -> None:
        self._text = text

    def number(self, node: ast.expr) -> Number:
        match node:
            case ast.Constant():
                return self._constant(node)
            case ast.Name(id=name):
                if name in FUNCTIONS:
                    raise _Refused(node, f"{name} is a function")
                return operator.itemgetter(name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner = self.number(operand)
                return lambda values: CALCULATION.minus(inner(values))
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.number(operand)
            case ast.BinOp(op=op):
                if type(op) not in _ARITHMETIC:
                    raise _Refused(node, "only + - * / // and % calculate")
                return self._calculation(node, _ARITHMETIC[type(op)])
            case ast.IfExp():
                test, then, other = self.truth(node.test), self.number(node.body), self.number(node.orelse)
                return lambda values: then(values) if test(values) else other(values)
            case ast.Call():
                return self._call(node)
            case _:
                raise _Refused(node, "a number is wanted here")

    def truth(self, node: ast.expr) -> Truth:
        match node:
            case ast.Compare():
                return self._comparison(node)
            case ast.BoolOp(op=op, values=parts):
                truths = [self.truth(part) for part in parts]
                if isinstance(op, ast.And):
                    return lambda values: all(truth(values) for truth in truths)
                return lambda values: any(truth(values) for truth in truths)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                inner = self.truth(operand)
                return lambda values: not inner(values)
            case _:
                raise _Refused(node, "a comparison is wanted here")

    def _constant(self, node: ast.Constant) -> Number:
        """From the text, as the parsed value may be a binary fraction."""
        written = ast.get_source_segment(self._text, node) or ""
        if not _NUMBER.fullmatch(written):
            raise _Refused(node, f"{written} is no number")
        value = Decimal(written)
        return lambda values: value

    def _calculation(self, node: ast.BinOp, calculate: Callable[[Decimal, Decimal], Decimal]) -> Number:
        left, right = self.number(node.left), self.number(node.right)
        return lambda values: calculate(left(values), right(values))

    def _comparison(self, node: ast.Compare) -> Truth:
        for op in node.ops:
            if type(op) not in _COMPARISONS:
                raise _Refused(node, "numbers are compared with <, <=, >, >=, == and != only")
        terms = [self.number(term) for term in (node.left, *node.comparators)]
        steps = list(zip((_COMPARISONS[type(op)] for op in node.ops), terms, terms[1:], strict=False))
        return lambda values: all(holds(left(values), right(values)) for holds, left, right in steps)

    def _call(self, node: ast.Call) -> Number:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in FUNCTIONS:
            raise _Refused(node, f"the functions are {', '.join(sorted(FUNCTIONS))}")
        fewest, most = FUNCTIONS[name]
        if node.keywords or not fewest <= len(node.args) <= most:
            wanted = f"{fewest} argument" if most == 1 else f"{fewest} arguments or more"
            raise _Refused(node, f"{name} takes {wanted}")
        terms = [self.number(term) for term in node.args]
        match name:
            case "min":
                return lambda values: min(term(values) for term in terms)
            case "max":
                return lambda values: max(term(values) for term in terms)
            case "abs":
                return lambda values: CALCULATION.abs(terms[0](values))
            case _:
                return lambda values: terms[0](values).to_integral_value(ROUND_FLOOR)
