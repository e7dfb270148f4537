"""Print the table of keys: as a commented TOML file, as Markdown, and a configuration as TOML."""

import textwrap

from dynamojax.config.fit_data_keys import DATA
from dynamojax.config.fit_keys import FIT, FREE, OUTPUT_OF_FITS, POSTERIOR, SHARED, SIMULATION_OF_FITS, TIES
from dynamojax.config.generation_keys import GENERATE
from dynamojax.config.keys import Key, Section
from dynamojax.config.population_keys import POPULATION
from dynamojax.config.table import SECTIONS

_WIDTH = 110
_DRAWN = ("star", "spots", "spot_map", "activity", "planets", "output")
# Sections of a data set, whose stars are drawn.
OF_DATA_SETS = (GENERATE, POPULATION, *(section for section in SECTIONS if section.name not in _DRAWN))
_BESIDE = tuple(section for section in SECTIONS if section.name in SHARED)
OF_FITS = (
    *(section for section in _BESIDE if section.name in ("star", "spots", "spot_map", "planets")),
    *(DATA, FREE, TIES, FIT, POSTERIOR),
    *(section for section in _BESIDE if section.name not in ("star", "spots", "spot_map", "planets")),
    *(SIMULATION_OF_FITS, OUTPUT_OF_FITS),
)
# The template is a configuration that runs: these sections are written out, the others as comments.
_WRITTEN = (
    "star",
    "spots",
    "photometers",
    "surface",
    "noise",
    "simulation",
    "output",
    "generate",
    "population",
    "data",
    "free",
    "fit",
    "posterior",
)
_EXAMPLE = {"n_spots": 200, "radius_ratio": 0.1, "radius_earth": 10.9, "start": -150.0, "stop": 42.0}
_EXAMPLE |= {"name": "kepler", "cadence": "long", "every": 1.0, "visit_every": 51.0, "efficiency": 1.0}
_EXAMPLE |= {"exposure_s": 60.0, "cadence_s": 60.0, "times_file": "times.txt", "bands": ["kepler"]}
_EXAMPLE |= {"band_file": "filter.txt", "band_unit": "nm", "photon_counting": True, "n_sub": 1}
_EXAMPLE |= {"noise": "kepler", "white_ppm": 100.0, "magnitude": 12.0}
_EXAMPLE |= {"times": [0.5, 3.25], "epochs": 1, "wavelength": [4000.0, 9000.0], "resolution": 1800.0}
_EXAMPLE |= {"file": "pixels.txt", "pixels_per_element": 3.0, "medium": "vacuum", "snr": 100.0}
_EXAMPLE |= {"barycentric_velocity": [12.3], "site": [117.575, 40.394, 960.0], "target_deg": [90.0, 23.4]}
_EXAMPLE |= {"grid": "phoenix", "max_velocity": 120.0, "max_shift": 300.0}
_EXAMPLE |= {"n_disc": [64, 16], "n_cap": [4, 16], "n_planet": [24, 12]}
# The same name in another section.
_OTHERS = {
    "data": {
        **{"path": "light_curve.fits", "name": "kepler", "band": "kepler", "column": "PDCSAP_FLUX"},
        **{"flux_unit": "counts", "start": 261.0, "stop": 267.0, "reference": 2454833.0, "bin": 0.1},
        **{"clip": 4.0, "exposure_s": 1765.5, "breaks": [264.0], "time": 262.0, "jitter": 1e-4},
    },
    "free": {"name": "star.prot", "low": 1.0, "high": 20.0, "mean": 10.0, "deviation": 1.0},
    "ties": {"name": "spots.t_max[1]", "follows": "spots.t_max[0]"},
    "fit": {"n_spots": 3, "candidates": 256, "period_low": 0.2, "period_high": 5.0, "epoch": 264.0},
    "spectrographs": {
        "name": "lamost",
        "start": 0.0,
        "cadence": 1.0,
        "exposure_s": 1800.0,
        "noise": "lamost",
    },
    "velocities": {"start": 0.0, "cadence": 1.0},
    "generate": {"shard_stars": 512},
    "population": {
        **{"mass": "uniform 0.5 1.2", "feh": "normal -0.04 0.2 -2 0.49", "age": "uniform 0.1 10"},
        **{"inclination": "fixed 1.2", "teff_low": 4000.0, "teff_high": 6500.0, "logg_low": 4.0},
        **{"logg_high": 5.0, "start": 0.0, "stop": 27.0, "n_spots": 100},
    },
}


def toml_value(value) -> str:
    """A value in TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, str):
        text = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
        return f'"{text}"'
    return str(value)


def template(sections: tuple[Section, ...] = SECTIONS) -> str:
    """A configuration with every key of the sections, its meaning, unit, range and default."""
    parts = [
        "# A configuration of dynamojax: every key with its default. Those commented out may be left out,",
        '# and so may all others but those marked "required". Numbers may carry a unit: prot = "12 day".',
    ]
    for section in sections:
        parts += ["", *_comment(section.help), *_section_lines(section)]
    return "\n".join(parts) + "\n"


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, _WIDTH - 2)]


def _section_lines(section: Section) -> list[str]:
    is_written = section.name in _WRITTEN
    lines = [section.title if is_written else f"# {section.title}"]
    for key in section.keys:
        value = toml_value(_example(section, key) if key.default is None else key.default)
        is_set = is_written and key.default is not None
        lines += [f"# {line}" for line in _key_comment(key)]
        lines.append(f"{'' if is_set else '# '}{key.name} = {value}")
    return lines


def _example(section: Section, key: Key):
    return _OTHERS.get(section.name, {}).get(key.name, _EXAMPLE.get(key.name))


def _key_comment(key: Key) -> list[str]:
    unit = f" [{key.unit}]" if key.unit else ""
    allowed = f" Allowed: {key.allowed}."
    if key.allowed.startswith(("any", "true", "a list")):
        allowed = ""
    required = " Required." if key.required else ""
    return textwrap.wrap(f"{key.help}{unit}{allowed}{required}", _WIDTH - 4)


def markdown(sections: tuple[Section, ...] = SECTIONS) -> str:
    """The table as Markdown, for the documentation."""
    parts = []
    for section in sections:
        parts += [f"### `{section.title}`", "", section.help, ""]
        parts += ["| key | default | unit | allowed | meaning |", "|---|---|---|---|---|"]
        for key in section.keys:
            default = "" if key.default is None else f"`{toml_value(key.default)}`"
            default = "required" if key.required else default
            parts.append(f"| `{key.name}` | {default} | {key.unit} | {key.allowed} | {key.help} |")
        parts.append("")
    return "\n".join(parts)


def to_toml(values: dict, header: str = "") -> str:
    """A configuration as TOML: what differs from the defaults, or is required, with units as comments.

    Args:
        values: As `reading.check` returns them, or part of them.
        header: Written first, as comments.
    """
    lines = [f"# {line}".rstrip() for line in header.splitlines()]
    for section in SECTIONS:
        tables = values.get(section.name)
        for table in tables or [] if section.is_list else [tables] if tables is not None else []:
            body = [_assignment(key, table) for key in section.keys if _is_needed(key, table)]
            if body or section.is_list or section.name == "activity":
                lines += ["", section.title, *body]
    return "\n".join(lines) + "\n"


def _is_needed(key: Key, table: dict) -> bool:
    return key.name in table and (key.required or table[key.name] != key.default)


def _assignment(key: Key, table: dict) -> str:
    return f"{key.name} = {toml_value(table[key.name])}" + (f"  # {key.unit}" if key.unit else "")
