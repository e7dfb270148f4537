"""From a configuration and data sets to what is fitted: star, simulator, free parameters, ties."""

import dataclasses
import math
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from dynamojax.atmosphere.grid import load_grid
from dynamojax.config import build, build_spectra
from dynamojax.config.fit_data import Prepared
from dynamojax.config.fit_reading import FitSettings
from dynamojax.config.reading import Settings
from dynamojax.inference.optimise import pose
from dynamojax.inference.priors import Distribution, Free, Isotropic, LogUniform, Normal, OnSphere
from dynamojax.inference.problem import Problem
from dynamojax.instruments.photometer import Photometer
from dynamojax.instruments.spectrograph import Spectrograph
from dynamojax.simulate import Simulator
from dynamojax.simulate.smoothing import Smoothing
from dynamojax.simulate.spectra import disc_for
from dynamojax.surface.moments import SurfaceConfig
from dynamojax.system import System
from dynamojax.validation import validate

_MARGIN = 1e-4  # of a bound, so that the grid reaches beyond it


@dataclass(frozen=True)
class Posed:
    """All that a fit needs.

    Attributes:
        system: Where it starts.
        simulator: With the instruments of the data.
        prepared: The data sets.
        free: What may change.
        ties: What follows.
    """

    system: System
    simulator: Simulator
    prepared: Prepared
    free: tuple[Free, ...]
    ties: dict[str, str]

    @property
    def problem(self) -> Problem:
        """Checked."""
        return pose(self.system, self.simulator, self.prepared.data, self.free, self.ties)


def build_fit(settings: FitSettings, prepared: Prepared, prot: float | None = None) -> Posed:
    """Star, simulator and free parameters.

    Args:
        settings: Checked.
        prepared: The data sets.
        prot: In place of the star's, if a period was found. [day]

    Raises:
        ValueError: a name, a bound or a start that is not possible, or data off the grid.
    """
    if prot is not None:
        _check_found(settings, prot)
    shared = _with_simulation(settings, prot)
    instruments = [one.instrument for one in prepared.data]
    times = np.concatenate([instrument.times for instrument in instruments])
    system = validate(build.system(shared, (float(times.min()), float(times.max()))))
    free = tuple(_free(table) for table in settings["free"])
    ties = {table["name"]: table["follows"] for table in settings["ties"]}
    return Posed(system, _simulator(shared, system, instruments, settings), prepared, free, ties)


def _check_found(settings: FitSettings, prot: float) -> None:
    """That a period which was searched for lies between the bounds."""
    for table in settings["free"]:
        low, high = (math.nan if table[end] is None else table[end] for end in ("low", "high"))
        if table["name"] == "star.prot" and (prot <= low or prot >= high):
            raise ValueError(
                f"fit.find_period found {prot:.6g} day, outside the bounds of star.prot ({low:g}, {high:g}); "
                "widen them, or leave find_period out and give star.prot"
            )


def _with_simulation(settings: FitSettings, prot: float | None) -> Settings:
    """Sections of one star, its period and number of spots as the fit wants them."""
    values = settings.settings.values | {"simulation": settings["simulation"]}
    if prot is not None:
        values |= {"star": values["star"] | {"prot": prot}}
    n = settings["fit"]["n_spots"]
    if n is not None:
        one = values["spots"][0]
        values |= {"spots": [one | {"lon_deg": one["lon_deg"] + 360.0 * i / n} for i in range(n)]}
    return dataclasses.replace(settings.settings, values=values)


def _free(table: dict) -> Free:
    return Free(table["name"], table["low"], table["high"], _prior(table))


def _prior(table: dict) -> Distribution | None:
    if table["prior"] == "normal":
        return Normal(table["mean"], table["deviation"])
    others = {"flat": None, "log_uniform": LogUniform(), "isotropic": Isotropic(), "on_sphere": OnSphere()}
    return others[table["prior"]]


def _simulator(shared: Settings, system: System, instruments: list, settings: FitSettings) -> Simulator:
    photometers = [x for x in instruments if isinstance(x, Photometer)]
    spectrographs = [x for x in instruments if isinstance(x, Spectrograph)]
    surface, convection = build.surface(shared), build_spectra.convection(shared)
    grid, common = load_grid(), {"surface": surface, "convection": convection}
    if spectrographs:
        common |= _spectra(shared, system, spectrographs, settings, convection)
    made = Simulator(
        grid,
        photometers,
        spectrographs,
        limb_darkening=build.limb_darkening(shared),
        degree=settings["simulation"]["degree"],
        **common,
    )
    return _with_room(made, system) if photometers else made


def _with_room(made: Simulator, system: System) -> Simulator:
    """Room for planets where they are, and for spots that may come to overlap all others.

    The disc stays as fine as the bounds ask for: the fit may leave the star that it begins with.
    """
    crossing = made.sized_for(system).crossing
    if made.surface.overlap == "sum":
        return eqx.tree_at(lambda s: s.crossing, made, crossing)
    room = max(1, min(made.surface.n_neighbours, system.spots.n_spots - 1))
    surface: SurfaceConfig = dataclasses.replace(made.surface, n_neighbours=room)
    return eqx.tree_at(lambda s: (s.crossing, s.surface), made, (crossing, surface))


def _spectra(shared, system, spectrographs, settings: FitSettings, convection) -> dict:
    """The part of the spectral grid, and the room for velocities, that the bounds need."""
    file, smoothing = build_spectra.grid_file(shared), Smoothing(over=shared["spectra"]["smoothing"])
    bounds = {table["name"]: (table["low"], table["high"]) for table in settings["free"]}
    star = shared["star"]
    ranges = {name: _range(name, star[name], bounds, getattr(file, name)) for name in ("teff", "logg", "feh")}
    if system.spots.n_spots:
        contrast = bounds.get("star.spot_contrast", (None, None))[1]
        contrast = star["spot_contrast"] if contrast is None else contrast
        ranges["teff"] = max(ranges["teff"][0] - max(contrast, 0.0), float(file.teff[0])), ranges["teff"][1]
    # The star of the widest lines and the largest velocity that the bounds allow.
    extreme = shared["star"] | _fastest(shared, bounds)
    extreme = dataclasses.replace(shared, values=shared.values | {"star": extreme})
    wide = build.star(extreme)
    spots = eqx.tree_at(lambda spots: spots.radius, system.spots, _widest(system, bounds))
    extremes = jax.tree.map(lambda x: x[None], System(wide, spots, system.planets))
    disc = disc_for(extremes, build_spectra.disc(shared, wide, convection), build.surface(shared))
    shift = build_spectra.max_shift(shared, System(wide, system.spots, system.planets), spectrographs)
    for one in spectrographs:
        build_spectra.check_reach(one, file, disc, shift, smoothing)
    return {"spectra": file, "ranges": ranges, "smoothing": smoothing, "disc": disc, "max_shift": shift}


def _widest(system: System, bounds: dict) -> Array:
    """Radii at the upper ends of their bounds; a hemisphere where there is none. [rad]"""
    radius, half = system.spots.radius, 0.5 * math.pi
    for name, (_, high) in bounds.items():
        if name.startswith("spots.radius"):
            unit = math.radians(1.0) if "_deg" in name else 1.0
            radius = jnp.maximum(radius, half if high is None else min(high * unit, half))
    return radius


def _range(name: str, value: float, bounds: dict, nodes) -> tuple[float, float]:
    """Of the grid that a parameter needs: its bounds if it is free, else its value."""
    low, high = float(nodes[0]), float(nodes[-1])
    if f"star.{name}" not in bounds:
        if not low <= value <= high:
            raise ValueError(
                f"star.{name} = {value:g} is off the spectral grid, {low:g} to {high:g}; change it"
            )
        return value, value
    ends = bounds[f"star.{name}"]
    asked = tuple(grid if x is None else x for x, grid in zip(ends, (low, high), strict=True))
    slack = _MARGIN * (high - low)
    if asked[0] < low - slack or asked[1] > high + slack:
        raise ValueError(
            f"free star.{name}: bounds ({asked[0]:g}, {asked[1]:g}) must lie within the spectral grid, "
            f"{low:g} to {high:g}; narrow them"
        )
    return max(asked[0], low), min(asked[1], high)


def _fastest(shared: Settings, bounds: dict) -> dict:
    """Values at the bounds that make velocities largest."""
    star, found = shared["star"], {}
    wanted = {
        "prot": 0,
        "radius": 1,
        "macroturbulence": 1,
        "microturbulence": 1,
        "shear": 0,
        "convective_blueshift": 1,
    }
    for name, end in wanted.items():
        if f"star.{name}" in bounds:
            found[name] = _bound(f"star.{name}", bounds, end)
    if "star.inc_deg" in bounds or "star.inc" in bounds:
        found["inc_deg"] = 90.0
    if bounds.get("star.facula_ratio", (None, None))[1] is not None:
        found["facula_ratio"] = bounds["star.facula_ratio"][1]
    if "star.rv" in bounds:
        ends = [abs(_bound("star.rv", bounds, end)) for end in (0, 1)]
        found["rv"] = max(ends)
    drift = [max(map(abs, _pair(name, bounds))) for name in bounds if name.endswith(".velocity")]
    found["rv"] = abs(found.get("rv", star["rv"])) + max(drift, default=0.0)
    return found


def _pair(name: str, bounds: dict) -> tuple[float, float]:
    return _bound(name, bounds, 0), _bound(name, bounds, 1)


def _bound(name: str, bounds: dict, end: int) -> float:
    value = bounds[name][end]
    if value is None:
        raise ValueError(
            f"free {name}: with spectra it needs {('low', 'high')[end]}, which says how much room for "
            "velocities they are computed with"
        )
    return value
