"""From checked settings to spectrographs, velocimeters, their grid and their noise."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dynamojax.atmosphere.grid_file import GridFile, open_grid
from dynamojax.config.build import times_in_file
from dynamojax.config.build_sky import observers
from dynamojax.config.reading import Settings
from dynamojax.config.relations import name_of, noise_kind
from dynamojax.constants import DAY_S
from dynamojax.instruments import spectrograph_presets as presets
from dynamojax.instruments.line_spread import finest_resolution
from dynamojax.instruments.photometer import Photometer
from dynamojax.instruments.schedule import regular_times
from dynamojax.instruments.spectrograph import Arm, Spectrograph
from dynamojax.instruments.spectrograph_table import from_table
from dynamojax.observables import spectral_noise_presets
from dynamojax.observables.disc_config import FASTEST_KM_S, DiscConfig, velocity_parts
from dynamojax.observables.spectral_noise import SpectralNoise
from dynamojax.planets.orbit import reflex_velocity
from dynamojax.simulate.smoothing import Smoothing
from dynamojax.simulate.spectra import margins
from dynamojax.surface.convection import Convection
from dynamojax.system import Epochs, Star, System

_PIXELS_PER_ELEMENT = 3.0
_SPARE_KM_S = 2.0
# Band of the magnitude that the noise of a survey follows, and whether it is an AB magnitude.
NOISE_BANDS = {"lamost": ("sdss_r", True), "apogee": ("2mass_h", False), "galah": ("johnson_v", False)}


def _times(table: dict, folder: Path) -> np.ndarray:
    if table["times_file"] is not None:
        return times_in_file(folder / table["times_file"])
    names = ("epochs", "start", "cadence")
    given = {name: table[name] for name in names if table[name] is not None}
    return regular_times(name_of(table), table["times"], **given)


def spectrographs(settings: Settings) -> list[Spectrograph]:
    """The spectrographs, cut to the wavelengths that are wanted."""
    made = []
    for i, table in enumerate(settings["spectrographs"]):
        make = _custom if table["preset"] == "custom" else _preset
        try:
            made.append(make(table, settings.folder))
        except ValueError as error:
            raise ValueError(f"spectrographs[{i}]: {error}") from None
    return made


def _preset(table: dict, folder: Path) -> Spectrograph:
    names = ("exposure_s", "resolution")
    options = {name: table[name] for name in names if table[name] is not None}
    make: Callable[..., Spectrograph] = getattr(presets, table["preset"])
    made = make(_times(table, folder), n_sub=table["n_sub"], **options)
    made = dataclasses.replace(made, name=name_of(table))
    return made if table["wavelength"] is None else made.within(*table["wavelength"])


def _custom(table: dict, folder: Path) -> Spectrograph:
    name, times, n_sub = table["name"], _times(table, folder), table["n_sub"]
    exposure, medium = (table["exposure_s"] or 0.0) / DAY_S, table["medium"] or "vacuum"
    if table["file"] is None:
        arm = _even_in_log(name, table)
        return Spectrograph(name, (arm,), times, exposure, n_sub, medium)
    made = from_table(
        folder / table["file"],
        name,
        times,
        resolution=table["resolution"],
        medium=medium,
        exposure=exposure,
        n_sub=n_sub,
    )
    return made if table["wavelength"] is None else made.within(*table["wavelength"])


def _even_in_log(name: str, table: dict) -> Arm:
    low, high = table["wavelength"]
    step = 1.0 / (table["resolution"] * (table["pixels_per_element"] or _PIXELS_PER_ELEMENT))
    n = int(np.floor(np.log(high / low) / step)) + 1
    return Arm.from_centres(name, low * np.exp(step * np.arange(n)), table["resolution"])


def velocimeters(settings: Settings) -> list[Photometer]:
    """Who measures velocities, as photometers."""
    made = []
    for i, table in enumerate(settings["velocities"]):
        exposure = table["exposure_s"] / DAY_S
        n_sub = table["n_sub"] if exposure else 1
        try:
            times = _times(table, settings.folder)
            made.append(Photometer(table["name"], tuple(table["bands"]), times, exposure, n_sub, n_sub))
        except ValueError as error:
            raise ValueError(f"velocities[{i}]: {error}") from None
    return made


def convection(settings: Settings) -> Convection:
    """Convective shift across the disc."""
    table = settings["convection"]
    solar = Convection.solar(
        spot_inhibition=table["spot_inhibition"], facula_inhibition=table["facula_inhibition"]
    )
    if table["shift"] == "solar":
        return solar
    return Convection((0.0,), solar.spot_inhibition, solar.facula_inhibition)


def grid_file(settings: Settings) -> GridFile:
    """The spectral grid: embedded, a file beside the configuration, or one that was built."""
    name = settings["spectra"]["grid"]
    if name is None:
        return open_grid()
    beside = settings.folder / name
    return open_grid(beside if beside.exists() else name)


def grid_ranges(file: GridFile, system: System, *, has_faculae: bool) -> dict[str, tuple[float, float]]:
    """Ranges of the grid that the star, its spots and its faculae need.

    Raises:
        ValueError: the star is off the grid.
    """
    star = system.star
    parts = {"the photosphere": 0.0}
    if np.any(np.asarray(system.spots.radius) > 0):
        parts["a spot (teff - spot_contrast)"] = -float(star.spot_contrast)
        if has_faculae:
            parts["a facula (teff + facula_contrast)"] = float(star.facula_contrast)
    values = {
        "teff": {who: float(star.teff) + contrast for who, contrast in parts.items()},
        "logg": {"the star": float(star.logg)},
        "feh": {"the star": float(star.feh)},
    }
    for name, by_part in values.items():
        nodes = getattr(file, name)
        for who, value in by_part.items():
            if not nodes[0] <= value <= nodes[-1]:
                raise ValueError(
                    f"star.{name}: {who} at {value:g} is off the spectral grid {file.path.name}, which spans "
                    f"{nodes[0]:g} to {nodes[-1]:g}; change the star, or give another spectra.grid"
                )
    return {name: (min(by_part.values()), max(by_part.values())) for name, by_part in values.items()}


def check_reach(
    spectrograph: Spectrograph,
    file: GridFile,
    the_disc: DiscConfig,
    shift: float | int,
    smoothing: Smoothing | None = None,
) -> None:
    """Raise ValueError unless the grid holds the wavelengths, as finely as the spectrograph sees them.

    Args:
        spectrograph: Its pixels.
        file: Spectral grid.
        the_disc: Room for velocities on the disc.
        shift: Room for the velocity of the star as a whole. [km/s]
        smoothing: Of the grid, beforehand; the default where left out.
    """
    smoothing = Smoothing() if smoothing is None else smoothing
    low, high = spectrograph.ends
    middle, spans = np.sqrt(low * high), {}
    for name, stored in file.segments.items():
        wanted = smoothing.resolution(spectrograph, stored)
        segment = stored if wanted is None else stored.smoothed(wanted)
        room = np.exp(sum(margins(spectrograph, segment, the_disc, shift)) * segment.axis.ln_step)
        spans[name] = segment.axis.ends[0] * room, segment.axis.ends[1] / room
    if not any(a <= low and high <= b and a <= middle <= b for a, b in spans.values()):
        held = " and ".join(f"{a:.1f} to {b:.1f}" for a, b in spans.values() if a < b)
        raise ValueError(
            f"{spectrograph.name}: pixels from {low:.1f} to {high:.1f} A, but the spectral grid "
            f"{file.path.name} allows {held or 'none'} A, margins left off; keep a range inside with its key "
            "wavelength, or give another spectra.grid"
        )
    segment = file.segment(wavelength=(low, high))
    finest = finest_resolution(segment.axis.ln_step, segment.resolution)
    wanted = float(spectrograph.resolution.max())
    if wanted > finest * (1 + 1e-9):
        raise ValueError(
            f"{spectrograph.name}: resolution = {wanted:g}, but the spectral grid {file.path.name} is good "
            f"for {finest:.0f} at most at these wavelengths; give a finer one in spectra.grid, as "
            "`dynamojax grid build phoenix-hires` makes (docs/grids.md), or lower its key resolution"
        )


def disc(settings: Settings, star: Star, the_convection: Convection) -> DiscConfig:
    """How finely the disc is sampled, with room for the star's velocities.

    Raises:
        ValueError: less room than the star needs, or more than there can be.
    """
    table = settings["spectra"]
    parts = velocity_parts(star, the_convection)
    needed, largest = sum(parts.values()), max(parts, key=lambda name: parts[name])
    if not needed + _SPARE_KM_S < FASTEST_KM_S:
        raise ValueError(
            f"star.{largest} = {float(getattr(star, largest)):g} makes lines {parts[largest]:.0f} km/s wide "
            f"to either side, {needed:.0f} with all else; allowed: {FASTEST_KM_S - _SPARE_KM_S:g}; change it"
        )
    given = table["max_velocity"]
    if given is not None and given < needed:
        raise ValueError(
            f"spectra.max_velocity = {given:g} km/s is below the {needed:.1f} km/s of the disc; raise it, or "
            "leave it out"
        )
    room = float(np.ceil(needed + _SPARE_KM_S)) if given is None else given
    return DiscConfig(**disc_nodes(settings), max_velocity=room)


def disc_nodes(settings: Settings) -> dict[str, tuple[int, ...]]:
    """Those numbers of nodes that are given."""
    table = settings["spectra"]
    given = {name: table[name] for name in ("n_disc", "n_cap", "n_planet")}
    return {name: tuple(value) for name, value in given.items() if value is not None}


def max_shift(
    settings: Settings,
    system: System,
    instruments: list[Spectrograph],
    moving: dict[str, np.ndarray] | None = None,
) -> float:
    """Room for the velocity of the star as a whole, at these epochs. [km/s]

    Raises:
        ValueError: less room than the star needs.
    """
    ends = [s.times + 0.5 * s.exposure * sign for s in instruments for sign in (-1, 0, 1)]
    epochs = Epochs.from_days(np.concatenate(ends))
    velocity = system.star.rv + reflex_velocity(system.star, system.planets, epochs)
    fastest = max((float(np.max(np.abs(v))) for v in (moving or {}).values()), default=0.0)
    needed, given = float(np.max(np.abs(velocity))) + fastest, settings["spectra"]["max_shift"]
    if given is not None and given <= needed:
        raise ValueError(
            f"spectra.max_shift = {given:g} km/s is not above the star's {needed:.1f} km/s; raise it, or "
            "leave it out"
        )
    return float(np.ceil(1.01 * needed + _SPARE_KM_S)) if given is None else given


def spectra(
    settings: Settings, system: System, instruments: list[Spectrograph], the_convection: Convection
) -> dict:
    """What the simulator needs to know of the spectral grid and of the room that the star needs in it.

    Raises:
        ValueError: the star, or an instrument, is off the grid.
    """
    file = grid_file(settings)
    moving = observers(settings, instruments, settings["spectrographs"])
    the_disc = disc(settings, system.star, the_convection)
    shift = max_shift(settings, system, instruments, moving)
    smoothing = Smoothing(over=settings["spectra"]["smoothing"])
    for instrument in instruments:
        check_reach(instrument, file, the_disc, shift, smoothing)
    ranges = grid_ranges(file, system, has_faculae=settings["surface"]["faculae"])
    room = {"disc": the_disc, "max_shift": shift, "observer": moving}
    return {"spectra": file, "ranges": ranges, "smoothing": smoothing, **room}


def spectral_noise(spectrograph: Spectrograph, table: dict, parts: dict) -> SpectralNoise | None:
    """Noise model of one spectrograph; None is none.

    Args:
        spectrograph: Whose.
        table: Of the spectrograph.
        parts: The section [noise].
    """
    kind = noise_kind(table)
    if kind == "none" or not parts["enabled"]:
        return None
    if kind == "snr":
        # Neither magnitude nor exposure scale it: both are those for which it holds.
        return SpectralNoise(spectral_noise_presets.signal_to_noise(spectrograph, table["snr"], 0.0, 1.0))
    try:
        made = getattr(spectral_noise_presets, f"{kind}_noise")(spectrograph)
    except ValueError as error:
        raise ValueError(f"{spectrograph.name}: noise = {kind!r}: {error}") from None
    return dataclasses.replace(made, **{name: None for name in ("bad_pixels", "ripple") if not parts[name]})
