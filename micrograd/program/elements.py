"""Elements: a function of NumPy, of one element of each operand, as C99.

Values that are special stay what NumPy makes of them: nan, infinities and the sign of
zero. Integers wrap, as NumPy's do, where C leaves a signed overflow undefined.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from micrograd.interface import special_arrays
from micrograd.program.loops import Refused
from micrograd.program.record import cast
from micrograd.rules import Function

CTYPES = {
    "bool": "bool",
    "int8": "int8_t",
    "int16": "int16_t",
    "int32": "int32_t",
    "int64": "int64_t",
    "uint8": "uint8_t",
    "uint16": "uint16_t",
    "uint32": "uint32_t",
    "uint64": "uint64_t",
    "float32": "float",
    "float64": "double",
}
# Functions of floats that C has under these names, with an f behind them for float.
OF_MATH: dict[Function, str] = {
    np.arccos: "acos",
    np.arccosh: "acosh",
    np.arcsin: "asin",
    np.arcsinh: "asinh",
    np.arctan: "atan",
    np.arctan2: "atan2",
    np.arctanh: "atanh",
    np.cbrt: "cbrt",
    np.ceil: "ceil",
    np.copysign: "copysign",
    np.cos: "cos",
    np.cosh: "cosh",
    np.exp: "exp",
    np.exp2: "exp2",
    np.expm1: "expm1",
    np.fabs: "fabs",
    np.float_power: "pow",
    np.floor: "floor",
    np.fmod: "fmod",
    np.hypot: "hypot",
    np.log: "log",
    np.log10: "log10",
    np.log1p: "log1p",
    np.log2: "log2",
    np.nextafter: "nextafter",
    np.power: "pow",
    np.rint: "rint",
    np.sin: "sin",
    np.sinh: "sinh",
    np.sqrt: "sqrt",
    np.tan: "tan",
    np.tanh: "tanh",
    np.trunc: "trunc",
    special_arrays.erf: "erf",
    special_arrays.erfc: "erfc",
    special_arrays.gammaln: "lgamma",
}
INFIX: dict[Function, str] = {
    np.add: "+",
    np.subtract: "-",
    np.multiply: "*",
    np.divide: "/",
    np.less: "<",
    np.less_equal: "<=",
    np.greater: ">",
    np.greater_equal: ">=",
    np.equal: "==",
    np.not_equal: "!=",
    np.logical_and: "&&",
    np.logical_or: "||",
    np.bitwise_and: "&",
    np.bitwise_or: "|",
    np.bitwise_xor: "^",
}
SUM, PRODUCT = 1, 2
SIGNS = {"+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT}
WEAK = {"?", ":", "<", "<=", ">", ">=", "==", "!=", "&&", "||", "&", "|", "^", "%"}
ARITHMETIC: dict[Function, int] = {  # and the weakest operand on its left
    np.add: SUM,
    np.subtract: SUM,
    np.multiply: PRODUCT,
    np.divide: PRODUCT,
}
OF_BITS = {np.bitwise_and, np.bitwise_or, np.bitwise_xor}
LOGICAL = {np.logical_and, np.logical_or, np.logical_xor, np.logical_not}
WRAPPING = {np.add, np.subtract, np.multiply}
SAME_OF_INTEGERS = {np.floor, np.ceil, np.trunc, np.rint, np.positive, np.conjugate}

# What takes more than a line, by name; T stands for the type, F for the f of float.
HELPERS = {
    "power": """
/* a to the power of b, of integers, which wrap */
static T power_T(T a, T b)
{
    uint64_t base = (uint64_t)a, y = 1;
    for (T n = b; n > 0; n /= 2) {
        if (n % 2)
            y *= base;
        base *= base;
    }
    return (T)y;
}""",
    "quotient": """
/* a / b, rounded down; 0 where b is 0 */
static T quotient_T(T a, T b)
{
    if (b == 0)
        return 0;
    if (b == (T)-1)
        return (T)(0 - (uint64_t)a);
    return (T)(a / b - (a % b != 0 && (a < 0) != (b < 0)));
}""",
    "unsigned_quotient": """
/* a / b, rounded down; 0 where b is 0 */
static T unsigned_quotient_T(T a, T b)
{
    return (T)(b == 0 ? 0 : a / b);
}""",
    "rest": """
/* what remains of a / b, with the sign of b; 0 where b is 0 */
static T rest_T(T a, T b)
{
    if (b == 0 || b == (T)-1)
        return 0;
    const T rest = (T)(a % b);
    return (T)(rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest);
}""",
    "unsigned_rest": """
/* what remains of a / b; 0 where b is 0 */
static T unsigned_rest_T(T a, T b)
{
    return (T)(b == 0 ? 0 : a % b);
}""",
    "cut_rest": """
/* what remains of a / b, with the sign of a; 0 where b is 0 */
static T cut_rest_T(T a, T b)
{
    return (T)(b == 0 || b == (T)-1 ? 0 : a % b);
}""",
    "floor_rest": """
/* what remains of a / b, with the sign of b */
static T floor_rest_T(T a, T b)
{
    T rest = fmodF(a, b);
    if (b == 0)
        return rest;
    if (rest == 0)
        return copysignF(0, b);
    return (b < 0) != (rest < 0) ? rest + b : rest;
}""",
    "floor_quotient": """
/* a / b, rounded down */
static T floor_quotient_T(T a, T b)
{
    if (b == 0)
        return a / b;
    const T rest = fmodF(a, b);
    T y = (a - rest) / b;
    if (rest != 0 && (b < 0) != (rest < 0))
        y -= 1;
    if (y == 0)
        return copysignF(0, a / b);
    const T down = floorF(y);
    return y - down > (T)0.5 ? down + 1 : down;
}""",
    "log_sum": """
/* ln(exp(a) + exp(b)), without overflow */
static T log_sum_T(T a, T b)
{
    if (a == b)
        return a + (T)0.69314718055994530942;
    const T distance = a - b;
    if (distance > 0)
        return a + log1pF(expF(-distance));
    return distance <= 0 ? b + log1pF(expF(distance)) : distance;
}""",
    "log2_sum": """
/* the logarithm of 2^a + 2^b by 2, without overflow */
static T log2_sum_T(T a, T b)
{
    if (a == b)
        return a + 1;
    const T distance = a - b;
    const T scale = (T)1.44269504088896340736;
    if (distance > 0)
        return a + scale * log1pF(exp2F(-distance));
    return distance <= 0 ? b + scale * log1pF(exp2F(distance)) : distance;
}""",
    "to_integer": """
/* x cut to an integer; the smallest one for what has none */
static int64_t to_integer_T(T x)
{
    return x >= (T)-9223372036854775808.0 && x < (T)9223372036854775808.0
        ? (int64_t)x : INT64_MIN;
}""",
}


class Elements:
    """What the text of a file needs for its functions of elements.

    Attributes
    ----------
    helpers : the functions that it defines, by the name and the type
    """

    def __init__(self) -> None:
        self.helpers: dict[tuple[str, str], str] = {}

    def helper(self, name: str, dtype: np.dtype[Any]) -> str:
        """The name of a function that the file defines, for a dtype."""
        kind = ctype(dtype)
        text = re.sub(r"(?<![A-Za-z0-9])T(?![A-Za-z0-9_])", kind, HELPERS[name])
        self.helpers[name, kind] = re.sub(r"F(?=\()", suffix(dtype), text)
        return f"{name}_{kind}"

    def text(
        self,
        function: Function,
        texts: Sequence[str],
        dtypes: Sequence[np.dtype[Any]],
        dtype: np.dtype[Any],
        like: np.dtype[Any] | None,
    ) -> str | None:
        """A function of operands, computed in the dtype `like`; None if unknown."""
        if function is cast:
            return self.converted(texts[0], dtypes[0], dtype)
        if function is np.where:
            condition = self.converted(texts[0], dtypes[0], np.dtype(bool))
            x, y = (
                self.converted(text, kind, dtype)
                for text, kind in zip(texts[1:], dtypes[1:])
            )
            return f"{question(condition)} ? {inner(x)} : {inner(y)}"
        kind = dtypes[0] if like is None else like
        if like is not None:
            pairs = zip(texts, dtypes)
            texts = [self.converted(text, source, like) for text, source in pairs]
        if function in LOGICAL:
            pairs = zip(texts, dtypes)
            truth = np.dtype(bool)
            texts = [self.converted(text, source, truth) for text, source in pairs]
        return self.of_kind(function, texts, kind, dtype)

    def of_kind(
        self,
        function: Function,
        texts: Sequence[str],
        kind: np.dtype[Any],
        dtype: np.dtype[Any],
    ) -> str | None:
        """The same of operands in the dtype that the function computes in."""
        x, *others = atoms = [*map(inner, texts)]
        y = others[0] if others else ""
        if x == y and function in (np.maximum, np.minimum):
            return texts[0]
        if x == y and function is np.equal and kind.kind in "iub":
            return "true"
        if function in WRAPPING and dtype.kind in "iu":
            sign, name = INFIX[function], ctype(dtype)
            return f"({name})((uint64_t){x} {sign} (uint64_t){y})"
        if function in (np.add, np.maximum) and dtype.kind == "b":
            return f"{x} || {y}"
        if function in (np.multiply, np.minimum) and dtype.kind == "b":
            return f"{x} && {y}"
        if (
            function in (np.bitwise_xor, np.logical_xor, np.subtract)
            and dtype.kind == "b"
        ):
            return f"{x} != {y}"
        if function in OF_BITS and dtype.kind == "b":
            return f"{x} {INFIX[function] * 2} {y}"
        if function in OF_BITS and dtype.itemsize < 4:
            return f"({ctype(dtype)})({x} {INFIX[function]} {y})"
        if function in ARITHMETIC:
            x, y = beside(texts[0], ARITHMETIC[function]), beside(texts[1], PRODUCT)
            if function in (np.multiply, np.divide):
                y = inner(texts[1])
        if function in (np.logical_and, np.logical_or):
            x, y = map(question, texts)
        if function in INFIX:
            return f"{x} {INFIX[function]} {y}"
        simple = SIMPLE.get(function)
        if simple is None and kind.kind == "f":
            simple = OF_FLOATS_ALONE.get(function)
        if simple is not None:
            return simple(kind, *atoms)
        if dtype.kind in "iub":
            return self.of_integers(function, texts, atoms, dtype)
        if function in OF_MATH:
            return f"{OF_MATH[function]}{suffix(kind)}({', '.join(texts)})"
        if function not in OF_FLOATS:
            return None
        return f"{self.helper(OF_FLOATS[function], dtype)}({', '.join(texts)})"

    def of_integers(
        self,
        function: Function,
        texts: Sequence[str],
        atoms: Sequence[str],
        dtype: np.dtype[Any],
    ) -> str | None:
        """The same of integers and booleans."""
        x = atoms[0]
        if function in SAME_OF_INTEGERS or dtype.kind in "ub" and function is np.abs:
            return texts[0]
        if function is np.square and dtype.kind != "b":
            return f"({ctype(dtype)})((uint64_t){x} * (uint64_t){x})"
        if function is np.negative and dtype.kind != "b":
            return f"({ctype(dtype)})(0 - (uint64_t){x})"
        if function is np.abs:
            name = ctype(dtype)
            return f"{x} < 0 ? ({name})(0 - (uint64_t){x}) : {x}"
        if function is np.sign and dtype.kind == "u":
            return f"{x} > 0"
        if function is np.sign and dtype.kind == "i":
            return f"({ctype(dtype)})(({x} > 0) - ({x} < 0))"
        if function is np.invert:
            return f"!{x}" if dtype.kind == "b" else f"({ctype(dtype)})~{x}"
        is_unsigned = "unsigned_" if dtype.kind == "u" else ""
        names: dict[Function, str] = {
            np.floor_divide: f"{is_unsigned}quotient",
            np.remainder: f"{is_unsigned}rest",
            np.fmod: "unsigned_rest" if is_unsigned else "cut_rest",
            np.power: "power",
        }
        if function not in names or dtype.kind == "b":
            return None
        return f"{self.helper(names[function], dtype)}({', '.join(texts)})"

    def converted(self, text: str, source: np.dtype[Any], dtype: np.dtype[Any]) -> str:
        """A text in another dtype."""
        if source == dtype:
            return text
        if dtype.kind == "b":
            return f"{inner(text)} != 0"
        if source.kind == "f" and dtype.kind in "iu":
            text = f"{self.helper('to_integer', source)}({text})"
            return text if dtype.name == "int64" else f"({ctype(dtype)}){text}"
        return f"({ctype(dtype)}){inner(text)}"


OF_FLOATS: dict[Function, str] = {
    np.floor_divide: "floor_quotient",
    np.logaddexp: "log_sum",
    np.logaddexp2: "log2_sum",
    np.remainder: "floor_rest",
}


def ctype(dtype: np.dtype[Any]) -> str:
    """C's name of a dtype."""
    if dtype.name not in CTYPES:
        raise Refused(f"dtype {dtype}")
    return CTYPES[dtype.name]


def suffix(dtype: np.dtype[Any]) -> str:
    """What C's functions of float have behind their names."""
    return "f" if dtype.name == "float32" else ""


def is_atom(text: str) -> bool:
    """Whether a text needs no parentheses beside an operator."""
    text = re.sub(r"^\((double|float|bool|u?int\d+_t)\)(?=[\w*(])", "", text)
    if text.startswith("("):
        return text.endswith(")") and is_atom(f"f{text}")
    if re.fullmatch(r"[\w.]+", text) or re.fullmatch(r"\d[\d.]*e[-+]?\d+f?", text):
        return True
    match = re.match(r"\*?\w+(?=[\[(])", text)
    if not match:
        return bool(re.fullmatch(r"\*\w+", text))
    depth = 0
    for i, character in enumerate(text[match.end() :], match.end()):
        depth += (character in "([") - (character in ")]")
        if depth == 0 and i + 1 < len(text) and text[i + 1] not in "([":
            return False
    return True


def inner(text: str) -> str:
    """A text as an operand, in parentheses if it needs them."""
    return text if is_atom(text) else f"({text})"


def question(text: str) -> str:
    """A text as a condition: a comparison needs no parentheses."""
    parts = re.split(" (?:[<>]=?|[=!]=) ", text)
    return text if len(parts) == 2 and all(map(is_atom, parts)) else inner(text)


def beside(text: str, weakest: int) -> str:
    """A text as an operand of an operator that takes these without parentheses."""
    return text if strength(text) >= weakest else inner(text)


def strength(text: str) -> int:
    """How strongly a text holds together: SUM, PRODUCT, or more or less than both."""
    if is_atom(text):
        return PRODUCT + 1
    depth, found = 0, PRODUCT + 1
    for i, character in enumerate(text):
        depth += (character in "([") - (character in ")]")
        if depth == 0 and character == " ":
            sign = text[i + 1 :].partition(" ")[0]
            found = min(found, SIGNS.get(sign, PRODUCT + 1))
            if sign in WEAK:
                return 0
    return found if found <= PRODUCT else 0


def larger(kind: np.dtype[Any], x: str, y: str) -> str:
    """x where it is larger or nan, else y."""
    return extreme(kind, x, y, ">", "<=")


def smaller(kind: np.dtype[Any], x: str, y: str) -> str:
    """x where it is smaller or nan, else y."""
    return extreme(kind, x, y, "<", ">=")


def extreme(kind: np.dtype[Any], x: str, y: str, sign: str, opposite: str) -> str:
    """The one of x and y that a sign prefers; nan, if one of them is."""
    if kind.kind != "f":
        return f"{x} {sign} {y} ? {x} : {y}"
    if re.fullmatch(r"\(?-?[\d.]+(e[-+]?\d+)?f?\)?", y):  # a number
        return f"{x} {opposite} {y} ? {y} : {x}"
    return f"{x} {sign} {y} || isnan({x}) ? {x} : {y}"


def preferred(kind: np.dtype[Any], x: str, y: str, sign: str) -> str:
    """The same, where nan is no number: the other one, if one of them is."""
    if kind.kind != "f":
        return f"{x} {sign} {y} ? {x} : {y}"
    return f"{x} {sign} {y} || isnan({y}) ? {x} : {y}"


def sign_of(kind: np.dtype[Any], x: str) -> str:
    """1, 0 or -1; nan of nan."""
    f = suffix(kind)
    return f"{x} > 0 ? 1.0{f} : {x} < 0 ? -1.0{f} : {x} == 0 ? 0.0{f} : {x}"


def step(kind: np.dtype[Any], x: str, half: str) -> str:
    """0 below 0, 1 above, `half` at 0; nan of nan."""
    f = suffix(kind)
    return f"{x} < 0 ? 0.0{f} : {x} > 0 ? 1.0{f} : {x} == 0 ? {half} : {x}"


def scaled(factor: float) -> Callable[..., str]:
    """A product with a number."""
    return lambda kind, x: f"{x} * {literal(factor, kind)}"


SIMPLE: dict[Function, Callable[..., str]] = {
    np.deg2rad: scaled(np.pi / 180),
    np.degrees: scaled(180 / np.pi),
    np.fmax: lambda kind, x, y: preferred(kind, x, y, ">"),
    np.fmin: lambda kind, x, y: preferred(kind, x, y, "<"),
    np.isfinite: lambda kind, x: f"isfinite({x})",
    np.isinf: lambda kind, x: f"isinf({x}) != 0",
    np.isnan: lambda kind, x: f"isnan({x}) != 0",
    np.logical_not: lambda kind, x: f"!{x}",
    np.maximum: larger,
    np.minimum: smaller,
    np.rad2deg: scaled(180 / np.pi),
    np.radians: scaled(np.pi / 180),
    np.signbit: lambda kind, x: (
        f"signbit({x}) != 0" if kind.kind == "f" else f"{x} < 0"
    ),
}
OF_FLOATS_ALONE: dict[Function, Callable[..., str]] = {
    np.abs: lambda kind, x: f"fabs{suffix(kind)}({x})",
    np.conjugate: lambda kind, x: x,
    np.heaviside: step,
    np.negative: lambda kind, x: f"-{x}",
    np.positive: lambda kind, x: x,
    np.reciprocal: lambda kind, x: f"1 / {x}",
    np.sign: sign_of,
    np.square: lambda kind, x: f"{x} * {x}",
}


def literal(x: Any, dtype: np.dtype[Any]) -> str:
    """A number, written so that C reads the same."""
    if dtype.kind == "b":
        return "true" if x else "false"
    if dtype.kind in "iu":
        n = int(x)
        if dtype.kind == "u":
            return f"{n}u" if n < 2**31 else f"UINT64_C({n})"
        if n == -(2**63):
            return "INT64_MIN"
        if n == -(2**31):
            return "INT32_MIN" if dtype.itemsize == 4 else "INT64_C(-2147483648)"
        return f"{n}" if abs(n) < 2**31 else f"INT64_C({n})"
    with np.errstate(over="ignore"):
        x = dtype.type(x)
    if np.isnan(x):
        return "NAN"
    if np.isinf(x):
        return "INFINITY" if x > 0 else "-INFINITY"
    text = repr(x.item()) if dtype.itemsize == 8 else f"{x!s}"
    if "." not in text and "e" not in text:
        text += ".0"
    return text + suffix(dtype)
