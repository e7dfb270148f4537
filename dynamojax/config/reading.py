"""Read a configuration file and check it against the table, on the host and without JAX."""

import difflib
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dynamojax.config.keys import Section, check_value
from dynamojax.config.relations import relations
from dynamojax.config.table import BY_NAME, SECTIONS


@dataclass(frozen=True)
class Settings:
    """A checked configuration.

    Attributes:
        values: For each section, its keys and values, defaults filled in, in the units of the table; a list
            of such for lists of tables; None for a section that is not in the file and that has a meaning.
        folder: What relative names of input files start from.
        text: The file as read.
    """

    values: dict
    folder: Path = field(default_factory=Path)
    text: str = ""

    def __getitem__(self, section: str):
        return self.values[section]


# Left out, these sections do not exist; the others have their defaults.
_OPTIONAL = ("spot_map", "activity")


def read_toml(path: Path, example: str) -> tuple[str, dict]:
    """Text and tables of a TOML file; `example` is the command that prints one like it.

    Raises:
        ValueError: the file cannot be read, or is not TOML.
    """
    try:
        text = path.read_text(encoding="utf-8")
        return text, tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read ({error}); give a configuration file") from None
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is not TOML: {error}; `{example}` prints an example") from None


def read_settings(path: str | Path) -> Settings:
    """Read and check a TOML file.

    Raises:
        ValueError: the file cannot be read, or something in it is wrong; all that is wrong is listed.
    """
    path = Path(path)
    text, data = read_toml(path, "dynamojax config")
    try:
        return Settings(check(data), path.parent, text)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def check(data: dict) -> dict:
    """Checked values of a configuration, defaults filled in.

    Raises:
        ValueError: listing all that is wrong.
    """
    problems, values = [], {}
    for name in data:
        if name not in BY_NAME:
            problems.append(f"[{name}] is not a section{_hint(name, BY_NAME)}")
    for section in SECTIONS:
        values[section.name] = check_section(section, data.get(section.name), problems)
    if not problems:
        problems += relations(data, values)
    if problems:
        count = f"{len(problems)} problems:\n  " if len(problems) > 1 else ""
        raise ValueError(count + "\n  ".join(problems))
    return values


def _hint(name: str, names) -> str:
    """What the writer may have meant; a unit's suffix counts for nothing."""
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    stem = [other for other in names if other.split("_")[0] == name.split("_")[0]]
    if close or stem:
        return f"; did you mean {(close or stem)[0]}?"
    return f"; allowed: {', '.join(names)}"


def check_section(section: Section, table, problems: list) -> Any:
    """Checked values of a section, or of each in a list of them; what is wrong is added to the problems."""
    if table is None:
        if section.is_list:
            return []
        return None if section.name in _OPTIONAL else _check_table(section, section.name, {}, problems)
    expected = list if section.is_list else dict
    if not isinstance(table, expected):
        problems.append(f"{section.name} must be written as {section.title}")
        return None
    if section.is_list:
        return [_check_table(section, f"{section.name}[{i}]", t, problems) for i, t in enumerate(table)]
    return _check_table(section, section.name, table, problems)


def _check_table(section: Section, where: str, table, problems: list) -> dict:
    if not isinstance(table, dict):
        problems.append(f"{where} must be a table, written under {section.title}")
        return {}
    values = {key.name: key.default for key in section.keys}
    for name, value in table.items():
        if name not in section.by_name:
            hint = _hint(name, section.by_name)
            unit = _unit_of_hint(section, hint)
            problems.append(f"{where}.{name} = {value!r} is not a key of {section.title}{hint}{unit}")
            continue
        key = section.by_name[name]
        try:
            values[name] = _check_items(where, key, value)
        except ValueError as error:
            problems.append(str(error))
    problems += [
        f"{where}.{key.name} is missing; {key.help} Allowed: {key.allowed}"
        for key in section.keys
        if key.required and key.name not in table
    ]
    return values


def _unit_of_hint(section: Section, hint: str) -> str:
    key = section.by_name.get(hint.removeprefix("; did you mean ").removesuffix("?"))
    return f" It is in {key.unit}." if key is not None and key.unit else ""


def _check_items(where: str, key, value):
    if key.kind != "strings" or not key.choices:
        return check_value(where, key, value)
    if not isinstance(value, list):
        raise ValueError(f"{where}.{key.name} = {value!r} is not a list; allowed in it: {key.allowed}")
    if not value:
        raise ValueError(f"{where}.{key.name} is empty; allowed in it: {key.allowed}")
    bad = [item for item in value if item not in key.choices]
    if bad:
        raise ValueError(f"{where}.{key.name} holds {bad[0]!r}; allowed: {key.allowed}")
    return value
