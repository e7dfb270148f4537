"""What a configuration key is: its kind, unit, default and range, and the check of one value."""

import math
from dataclasses import dataclass, field, replace

_KINDS = {
    "number": "a number",
    "numbers": "one or more numbers",
    "integer": "a whole number",
    "integers": "a list of whole numbers",
    "boolean": "true or false",
    "string": "a text",
}
SEED = (0, 2**32 - 1, True, True)  # span of a seed: without float64 JAX drops all but its last 32 bits
_ANY = {"number": "any finite number", "integer": "any whole number", "numbers": "one or more finite numbers"}


@dataclass(frozen=True)
class Key:
    """One key of a section.

    Attributes:
        name: As written in the file; a suffix gives the unit where it is not the canonical one.
        kind: number, integer, boolean, string; numbers, integers or strings for a list of them.
        default: None where the key may be left out and the help says what happens then.
        unit: Printed, and checked where a value is written as "5800 K"; empty for pure numbers.
        span: Lowest and highest value, and whether each is itself allowed; of each in a list of numbers.
        choices: The values that a string may have; empty for any.
        required: Whether the section must have it.
        help: One sentence.
    """

    name: str
    kind: str
    default: object
    help: str
    unit: str = ""
    span: tuple[float | int, float | int, bool, bool] = (-math.inf, math.inf, False, False)
    choices: tuple[str, ...] = ()
    required: bool = False

    @property
    def allowed(self) -> str:
        """The allowed values, in words."""
        if self.choices:
            return ", ".join(self.choices)
        if self.kind in ("number", "integer", "numbers"):
            low, high, has_low, has_high = self.span
            if math.isinf(low) and math.isinf(high) and not has_high:
                return _ANY[self.kind]
            one_or_more = f"{_KINDS['numbers']} in " if self.kind == "numbers" else ""
            ends = (str(x) if isinstance(x, int) else f"{x:g}" for x in (low, high))
            return f"{one_or_more}{'[' if has_low else '('}{', '.join(ends)}{']' if has_high else ')'}"
        if self.kind.endswith("s"):
            return _KINDS.get(self.kind, "a list of texts")
        return {"boolean": "true, false"}.get(self.kind, "any text")


@dataclass(frozen=True)
class Section:
    """A table of the file, or a list of tables (`[[name]]`)."""

    name: str
    help: str
    keys: tuple[Key, ...]
    is_list: bool = False
    by_name: dict[str, Key] = field(init=False, repr=False, compare=False)

    def __post_init__(self):
        object.__setattr__(self, "by_name", {key.name: key for key in self.keys})

    @property
    def title(self) -> str:
        """As it is written in a file."""
        return f"[[{self.name}]]" if self.is_list else f"[{self.name}]"


def complaint(where: str, key: Key, value, problem: str) -> str:
    """The text of an error about one value: name, value, what is wrong, what is allowed."""
    unit = f" {key.unit}" if key.unit else ""
    return f"{where}.{key.name} = {value!r} {problem}; allowed: {key.allowed}{unit}. {key.help}"


def check_value(where: str, key: Key, value):
    """The value of a key in the key's unit.

    Args:
        where: Name of the section, with the index in a list, for messages.
        key: What is allowed.
        value: As read from the file.

    Raises:
        ValueError: wrong kind, wrong unit, out of range.
    """
    if key.kind == "numbers":  # one number is a list of one
        items = value if isinstance(value, list) and value else [value]
        return [check_value(where, replace(key, kind="number"), item) for item in items]
    if key.kind == "number" and isinstance(value, str):
        value = _with_unit(where, key, value)
    if not _has_kind(key.kind, value):
        kind = _KINDS.get(key.kind, "a list of texts")
        raise ValueError(complaint(where, key, value, f"is not {kind}"))
    if key.choices and value not in key.choices:
        raise ValueError(complaint(where, key, value, "is not a choice"))
    if key.kind in ("number", "integer"):
        low, high, has_low, has_high = key.span
        above = value >= low if has_low else value > low
        below = value <= high if has_high else value < high
        if not (above and below):  # NaN fails both
            raise ValueError(complaint(where, key, value, "is out of range"))
    return float(value) if key.kind == "number" else value


def _has_kind(kind: str, value) -> bool:
    if kind == "strings":
        return isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)
    if kind == "integers":
        return isinstance(value, list) and bool(value) and all(_has_kind("integer", item) for item in value)
    types = {"number": (int, float), "integer": int, "boolean": bool, "string": str}[kind]
    return isinstance(value, types) and (kind == "boolean" or not isinstance(value, bool))


def _with_unit(where: str, key: Key, text: str) -> float:
    """The number in "60 deg" or "1.5 h", converted to the key's unit."""
    from astropy import units  # takes a third of a second to import

    try:
        if key.unit and text.endswith(f" {key.unit}"):  # ppm, dex and mag are not astropy's to convert
            return float(text.removesuffix(key.unit))
        quantity = units.Quantity(text)
    except (TypeError, ValueError):
        raise ValueError(complaint(where, key, text, "is not a number with a unit")) from None
    try:
        unit = units.Unit(key.unit) if key.unit else units.dimensionless_unscaled
        return float(quantity.to(unit).value)  # pyright: ignore[reportArgumentType]
    except ValueError:  # another kind of unit, or one that astropy does not know, as ppm
        unit = key.unit or "a pure number"
        raise ValueError(complaint(where, key, text, f"has the wrong unit: {unit} is expected")) from None
