"""From checked settings to the objects of the simulator."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from dynamojax.atmosphere.limb_darkening import LimbDarkening
from dynamojax.config.reading import Settings
from dynamojax.constants import DAY_S, R_EARTH_R_SUN
from dynamojax.files.spot_maps import read_spots
from dynamojax.instruments import photometer as presets
from dynamojax.instruments.bandpass import Bandpass
from dynamojax.instruments.photometer import Photometer
from dynamojax.observables.noise import Noise, kepler_noise, tess_noise, white_noise
from dynamojax.surface.activity import Activity, Emergence
from dynamojax.surface.emergence import emerge_spots, is_complete, recommend_n_spots
from dynamojax.surface.moments import SurfaceConfig
from dynamojax.system import Planets, SpotMap, Star, System

_LOOK = 3.0  # spots are drawn over this many decay and growth times around the epochs: exp(-9) of a radius
_PARTS = ("granulation", "oscillations", "wander", "outliers", "segments", "safe_modes")


def star(settings: Settings) -> Star:
    """The star."""
    return Star.from_degrees(**{name: value for name, value in settings["star"].items() if name != "name"})


def planets(settings: Settings) -> Planets:
    """The planets, none or more."""
    tables = settings["planets"]
    if not tables:
        return Planets.empty()
    radius = settings["star"]["radius"]
    earths = [
        t["radius_ratio"] * radius / R_EARTH_R_SUN if t["radius_earth"] is None else t["radius_earth"]
        for t in tables
    ]
    columns = {name: [t[name] for t in tables] for name in tables[0] if not name.startswith("radius")}
    return Planets.from_degrees(radius_earth=earths, star_radius=radius, **columns)


def spots(settings: Settings, the_star: Star, times: tuple[float, float]) -> SpotMap:
    """The spots: given one by one, read from a file, drawn, or none.

    Args:
        settings: Of the run.
        the_star: Its rotation counts for spots that are drawn.
        times: First and last epoch. [day]
    """
    if settings["spots"]:
        columns = {name: [t[name] for t in settings["spots"]] for name in settings["spots"][0]}
        return SpotMap.from_degrees(**columns)
    if settings["spot_map"] is not None:
        return read_spots(settings.folder / settings["spot_map"]["file"])
    if settings["activity"] is not None:
        return _drawn(settings["activity"], the_star, times)
    return SpotMap.empty()


def _drawn(table: dict, the_star: Star, times: tuple[float, float]) -> SpotMap:
    """Spots drawn from a seed, without the places that stayed empty."""
    static = {field.name for field in dataclasses.fields(Emergence)}
    choices = {name: value for name, value in table.items() if name in static}
    rates = {name: value for name, value in table.items() if name not in static | {"seed", "start", "stop"}}
    activity = Activity.from_degrees(**rates)
    start = times[0] - _LOOK * table["tau_decay"] if table["start"] is None else table["start"]
    stop = times[1] + _LOOK * table["tau_emerge"] if table["stop"] is None else table["stop"]
    if not start < stop:
        raise ValueError(f"activity.start = {start} must be before activity.stop = {stop} day; order them")
    if choices["n_spots"] is None:
        choices["n_spots"] = 2  # of no account in the recommendation
        choices["n_spots"] = recommend_n_spots(activity, Emergence(**choices), start, stop)
    config = Emergence(**choices)
    drawn = jax.jit(emerge_spots, static_argnums=2)(
        the_star, activity, config, start, stop, key=jax.random.key(table["seed"])
    )
    if not is_complete(drawn):
        raise ValueError(
            f"activity.n_spots = {config.n_spots} does not hold all the spots that emerge between {start:g} "
            f"and {stop:g} day; raise it, or leave it out"
        )
    keep = np.asarray(drawn.radius) > 0
    return SpotMap(**{name: jnp.asarray(np.asarray(value)[keep]) for name, value in vars(drawn).items()})


def system(settings: Settings, times: tuple[float, float]) -> System:
    """Star, spots and planets."""
    the_star = star(settings)
    return System(the_star, spots(settings, the_star, times), planets(settings))


def photometers(settings: Settings) -> tuple[list[Photometer], list[Bandpass]]:
    """The photometers, and the filters of a person's own among their bands."""
    made = [_photometer(table, settings.folder) for table in settings["photometers"]]
    return [photometer for photometer, _ in made], [filter_ for _, filter_ in made if filter_ is not None]


def _photometer(table: dict, folder: Path) -> tuple[Photometer, Bandpass | None]:
    if table["preset"] == "custom":
        return _custom(table, folder)
    names = ("cadence", "every", "visit_every", "efficiency", "exposure_s")
    options = {name: table[name] for name in names if table[name] is not None}
    make: Callable[..., Photometer] = getattr(presets, table["preset"])
    made = make(table["days"], start=table["start"], **options)
    return dataclasses.replace(made, name=table["name"] or made.name), None


def _custom(table: dict, folder: Path) -> tuple[Photometer, Bandpass | None]:
    name, own, bands = table["name"], None, table["bands"]
    if table["band_file"] is not None:
        counting = table["photon_counting"] is not False
        path = folder / table["band_file"]
        own = Bandpass.from_file(path, name, unit=table["band_unit"], photon_counting=counting)
        bands = [name]
    if table["times_file"] is not None:
        times, exposure = times_in_file(folder / table["times_file"]), (table["exposure_s"] or 0.0) / DAY_S
    else:
        step = table["cadence_s"] / DAY_S
        n = max(1, int(np.floor(table["days"] / step + 1e-9)))
        times = table["start"] + (np.arange(n) + 0.5) * step
        exposure = step if table["exposure_s"] is None else table["exposure_s"] / DAY_S
    n_sub_spots = presets.sub_exposures_of_spots(exposure * DAY_S)
    return Photometer(name, tuple(bands), times, exposure, table["n_sub"] or 1, n_sub_spots), own


def times_in_file(path: Path) -> np.ndarray:
    """First column of a file: times of mid-exposure. [day]"""
    try:
        return np.loadtxt(path, usecols=0, ndmin=1)
    except (OSError, ValueError, IndexError) as error:
        raise ValueError(f"{path} is not a column of times ({error}); give days of mid-exposure") from None


def surface(settings: Settings) -> SurfaceConfig:
    """How the surface is computed."""
    return SurfaceConfig(**settings["surface"])


def limb_darkening(settings: Settings) -> dict[str, LimbDarkening]:
    """Laws in place of the grid's, by band."""
    laws = {}
    for i, table in enumerate(settings["limb_darkening"]):
        where, band, coefficients = f"limb_darkening[{i}]", table["band"], table["coefficients"]
        if band in laws:
            raise ValueError(f"{where}.band = {band!r} has a law already; keep one of the two")
        try:
            laws[band] = LimbDarkening(coefficients, table["law"])
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
        darkest = float(jnp.min(laws[band](jnp.linspace(0.01, 1, 100))))
        if not darkest >= 0:  # NaN too
            raise ValueError(
                f"{where}.coefficients = {coefficients} give an intensity of {darkest:g} of the centre's "
                "somewhere on the disc, allowed: 0 or more; check their order and the law"
            )
    return laws


def noise_kind(table: dict) -> str:
    """Name of a photometer's noise model: the preset's own unless another is given."""
    return table["noise"] or {"kepler": "kepler", "tess": "tess"}.get(table["preset"], "none")


def noise(table: dict, parts: dict, span: float) -> tuple[Noise, Noise] | None:
    """Noise of corrected and of simple aperture photometry of one photometer; None is none.

    Args:
        table: Of the photometer.
        parts: The section [noise].
        span: From the first to the last exposure, for the number of safe modes. [day]
    """
    kind = noise_kind(table)
    if kind == "none" or not parts["enabled"]:
        return None
    if kind == "white":
        return white_noise(table["white_ppm"]), white_noise(table["white_ppm"])
    make = kepler_noise if kind == "kepler" else tess_noise
    corrected, simple = (_without(make(corrected=c), parts, span) for c in (True, False))
    return corrected, simple


def _without(model: Noise, parts: dict, span: float) -> Noise:
    """The model without the parts that are off, with room for its safe modes."""
    changes: dict = {name: None for name in _PARTS if not parts[name]}
    if parts["safe_modes"] and model.safe_modes is not None:
        expected = float(model.safe_modes.rate) * span
        n_max = max(16, int(np.ceil(expected + 6 * np.sqrt(expected))))
        changes["safe_modes"] = dataclasses.replace(model.safe_modes, n_max=n_max)
    return dataclasses.replace(model, **changes)
