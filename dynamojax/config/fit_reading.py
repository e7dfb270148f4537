"""Read the configuration of a fit and check it, on the host and without JAX."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from dynamojax.config.fit_data_keys import APPLIES, DATA, FORMATS
from dynamojax.config.fit_keys import OWN, SHARED
from dynamojax.config.reading import Settings, check, check_section, read_toml

EXAMPLE = "dynamojax config --fit"


@dataclass(frozen=True)
class FitSettings:
    """A checked configuration of a fit.

    Attributes:
        settings: Star, spots, planets, surface and spectra, as of one simulated star.
        own: Sections data, free, ties, fit, posterior, simulation and output.
    """

    settings: Settings
    own: dict

    def __getitem__(self, section: str):
        return self.own[section]

    @property
    def is_double(self) -> bool:
        """Whether to compute in float64."""
        return self.own["simulation"]["precision"] == "float64"

    @property
    def paths(self) -> list[Path]:
        """Files of the data."""
        return [self.settings.folder / table["path"] for table in self.own["data"]]

    @property
    def digest(self) -> str:
        """Of all that determines the result: the configuration less its output, and the files it names."""
        shared = {name: self.settings.values[name] for name in SHARED}
        own = {name: table for name, table in self.own.items() if name != "output"}
        inputs = [hashlib.sha256(path.read_bytes()).hexdigest() for path in self.paths if path.is_file()]
        if shared["spot_map"] is not None:
            path = self.settings.folder / shared["spot_map"]["file"]
            inputs += [hashlib.sha256(path.read_bytes()).hexdigest()] if path.is_file() else []
        return hashlib.sha256(json.dumps([shared, own, inputs], sort_keys=True).encode()).hexdigest()


def read_fit(path: str | Path) -> FitSettings:
    """Read and check a TOML file.

    Raises:
        ValueError: the file cannot be read, or something in it is wrong; all that is wrong is listed.
    """
    path = Path(path)
    text, data = read_toml(path, EXAMPLE)
    try:
        own, shared = check_fit(data)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return FitSettings(Settings(shared, path.parent, text), own)


def check_fit(data: dict) -> tuple[dict, dict]:
    """Checked values of a fit's own sections, and of those that it shares with one simulated star.

    Raises:
        ValueError: listing all that is wrong.
    """
    names, problems = [section.name for section in OWN], []
    for name in data:
        if name not in names and name not in SHARED:
            allowed = ", ".join((*SHARED, *names))
            problems.append(f"[{name}] is not a section of a fit; allowed: {allowed}")
    own = {section.name: check_section(section, data.get(section.name), problems) for section in OWN}
    shared = _shared({name: value for name, value in data.items() if name in SHARED}, problems)
    if not problems:
        problems += [
            *_data_relations(own["data"]),
            *_free_relations(own["free"]),
            *_fit_relations(own, shared),
        ]
    if problems:
        count = f"{len(problems)} problems:\n  " if len(problems) > 1 else ""
        raise ValueError(count + "\n  ".join(problems))
    return own, shared


def _shared(data: dict, problems: list) -> dict:
    # A star is only checked together with somebody who watches it: here, those who took the data.
    try:
        return check(data | {"photometers": [{"preset": "kepler"}]})
    except ValueError as error:
        problems.append(str(error))
        return {}


def _data_relations(tables: list[dict]) -> list[str]:
    if not tables:
        return ['[[data]] is missing; give kind = "light_curve" and path, for example']
    problems = []
    for i, table in enumerate(tables):
        where, kind = f"data[{i}]", table["kind"]
        if table["format"] not in ("auto", *FORMATS[kind]):
            allowed = ", ".join(("auto", *FORMATS[kind]))
            problems.append(f"{where}.format = {table['format']!r}; allowed for a {kind}: {allowed}")
        other = next(name for name in APPLIES if name != kind)
        defaults = DATA.by_name
        problems += [
            f"{where}.{name} = {table[name]!r} is for a {other}, not for a {kind}; leave it out"
            for name in APPLIES[other]
            if table[name] != defaults[name].default
        ]
        problems += _range_relations(where, table)
    return problems


def _range_relations(where: str, table: dict) -> list[str]:
    start, stop, ends = table["start"], table["stop"], table["wavelength"]
    if start is not None and stop is not None and not start < stop:
        return [f"{where}: start = {start:g} must be before stop = {stop:g} day; order them"]
    if ends is not None and not (len(ends) == 2 and 0 < ends[0] < ends[1]):
        return [f"{where}.wavelength = {ends} must be two rising positive numbers in angstrom"]
    return []


def _free_relations(tables: list[dict]) -> list[str]:
    if not tables:
        return ["[[free]] is missing; name at least one parameter that may change"]
    problems = []
    for i, table in enumerate(tables):
        given = [table[name] is not None for name in ("mean", "deviation")]
        if (table["prior"] == "normal") != all(given) or any(given) != all(given):
            problems.append(
                f'free[{i}]: prior = "normal", mean and deviation belong together; give all or none'
            )
        for prior, name in (("isotropic", "star.inc_deg"), ("on_sphere", "spots.lat_deg")):
            if table["prior"] == prior and table["name"].partition("[")[0] != name:
                problems.append(f"free[{i}]: prior = {prior!r} is for {name}, not for {table['name']}")
    return problems


def _fit_relations(own: dict, shared: dict) -> list[str]:
    table, problems = own["fit"], []
    if table["n_spots"] is not None and len(shared["spots"]) != 1:
        problems.append(
            f"fit.n_spots = {table['n_spots']} repeats the one spot of [[spots]], which has "
            f"{len(shared['spots'])}; give one"
        )
    if table["spots"] == "greedy" and not shared["spots"] and shared["spot_map"] is None:
        problems.append(
            'fit.spots = "greedy" takes its places from [[spots]]; give at least one, and n_spots'
        )
    needs = "find_period" if table["find_period"] else "epoch" if table["epoch"] is not None else None
    if needs and not any(one["kind"] == "light_curve" for one in own["data"]):
        problems.append(f"fit.{needs} needs a light curve among [[data]]; add one, or leave it out")
    return problems
