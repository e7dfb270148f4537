"""Read the configuration of a data set and check it, on the host and without JAX."""

from dataclasses import dataclass
from pathlib import Path

from dynamojax.config.generation_keys import GENERATE
from dynamojax.config.population_keys import POPULATION
from dynamojax.config.reading import Settings, check, check_section, read_toml

_DRAWN = ("star", "spots", "spot_map", "activity", "planets")
_OWN = (GENERATE, POPULATION)


@dataclass(frozen=True)
class Generation:
    """A checked configuration of a data set.

    Attributes:
        settings: Instruments, noise, surface and spectra, as for one star.
        generate: Section [generate].
        population: Section [population].
    """

    settings: Settings
    generate: dict
    population: dict

    @property
    def is_double(self) -> bool:
        """Whether to compute in float64."""
        return self.settings["simulation"]["precision"] == "float64"


def read_generation(path: str | Path) -> Generation:
    """Read and check a TOML file.

    Raises:
        ValueError: the file cannot be read, or something in it is wrong; all that is wrong is listed.
    """
    path = Path(path)
    text, data = read_toml(path, "dynamojax config --data-set")
    try:
        own, shared = check_generation(data)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return Generation(Settings(shared, path.parent, text), *own)


def check_generation(data: dict) -> tuple[tuple[dict, dict], dict]:
    """Checked values: [generate] and [population], and what a data set shares with one star.

    Raises:
        ValueError: listing all that is wrong.
    """
    problems = [
        f"[{name}] is for one star; here the population is drawn: leave it out, or see [population]"
        for name in _DRAWN
        if name in data
    ]
    if "generate" not in data:
        problems.append("[generate] is missing; give it stars = 1000, for example")
    own = tuple(check_section(section, data.get(section.name, {}), problems) for section in _OWN)
    names = [section.name for section in _OWN] + list(_DRAWN)
    shared: dict = {}
    try:
        shared = check({name: value for name, value in data.items() if name not in names})
    except ValueError as error:
        problems.append(str(error))
    if problems:
        raise ValueError("\n  ".join(problems))
    return (own[0] or {}, own[1] or {}), shared
