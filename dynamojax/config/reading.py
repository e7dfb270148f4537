"""Read a configuration file and check it against the table, on the host and without JAX."""

import difflib
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from dynamojax.config.keys import Section, check_value
from dynamojax.config.photometer_keys import APPLIES, CADENCES
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


def read_settings(path: str | Path) -> Settings:
    """Read and check a TOML file.

    Raises:
        ValueError: the file cannot be read, or something in it is wrong; all that is wrong is listed.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read ({error}); give a configuration file") from None
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is not TOML: {error}; `dynamojax config` prints an example") from None
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
        values[section.name] = _check_section(section, data.get(section.name), problems)
    if not problems:
        problems += _relations(data, values)
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


def _check_section(section: Section, table, problems: list):
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


def _relations(data: dict, values: dict) -> list[str]:
    """What no single key shows."""
    problems = []
    given = [name for name in ("spots", "spot_map", "activity") if name in data]
    if len(given) > 1:
        problems.append(f"{' and '.join(given)} exclude each other: keep one of them")
    if not values["photometers"]:
        problems.append('photometers is empty; add [[photometers]] with preset = "kepler", for example')
    star = values["star"]
    if not star["name"].strip() or "/" in star["name"] or star["name"].startswith("."):
        problems.append(
            f"star.name = {star['name']!r} begins the names of the files: it cannot be empty, begin with a "
            "dot or hold a slash"
        )
    if star["facula_ratio"] > 0 and not values["surface"]["faculae"]:
        problems.append(
            f"star.facula_ratio = {star['facula_ratio']} has no effect without faculae; "
            "set surface.faculae = true, or the ratio to 0"
        )
    for i, planet in enumerate(values["planets"]):
        if (planet["radius_ratio"] is None) == (planet["radius_earth"] is None):
            problems.append(f"planets[{i}] needs one of radius_ratio and radius_earth, not none or both")
    for i, photometer in enumerate(values["photometers"]):
        problems += _photometer_relations(f"photometers[{i}]", photometer)
    names = [p["name"] or p["preset"] for p in values["photometers"]]
    problems += [
        f"photometers: two are called {name!r}; give each a name"
        for name in set(names)
        if names.count(name) > 1
    ]
    return problems


def _photometer_relations(where: str, table: dict) -> list[str]:
    preset = table["preset"]
    problems = [
        f"{where}.{name} = {table[name]!r} is for {', '.join(presets)}, not for {preset}; leave it out"
        for name, presets in APPLIES.items()
        if table[name] is not None and preset not in presets
    ]
    cadence = table["cadence"]
    if preset in CADENCES and cadence is not None and cadence not in CADENCES[preset]:
        problems.append(f"{where}.cadence = {cadence!r}; allowed for {preset}: {', '.join(CADENCES[preset])}")
    if preset == "custom":
        problems += _custom_relations(where, table)
    if (table["noise"] == "white") != (table["white_ppm"] is not None):
        problems.append(f'{where}: noise = "white" and white_ppm belong together; give both or neither')
    return problems


def _custom_relations(where: str, table: dict) -> list[str]:
    problems = []
    if table["name"] is None:
        problems.append(f"{where}.name is missing; a custom photometer needs one")
    if (table["bands"] is None) == (table["band_file"] is None):
        problems.append(f"{where} needs one of bands and band_file; a filter is never made up")
    if (table["band_file"] is None) != (table["band_unit"] is None):
        problems.append(f"{where}: band_file and band_unit (angstrom, nm, um) belong together")
    if (table["cadence_s"] is None) == (table["times_file"] is None):
        problems.append(f"{where} needs one of cadence_s and times_file")
    return problems
