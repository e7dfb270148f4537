"""One star observed, from checked settings to light curves with noise: what `dynamojax simulate` does."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from dynamojax.atmosphere.bands import band_from_filter
from dynamojax.atmosphere.grid import load_grid
from dynamojax.config import build
from dynamojax.config.reading import Settings
from dynamojax.files.records import Record, Recording
from dynamojax.instruments.photometer import Photometer
from dynamojax.numerics import stream
from dynamojax.observables.noise import Noise, add_noise, validate_noise
from dynamojax.observables.photometry import magnitude
from dynamojax.simulate import Observables, Simulator
from dynamojax.surface.moments import overlap_excess
from dynamojax.system import Epochs, System
from dynamojax.validation import validate


@dataclass(frozen=True)
class Experiment:
    """All that is known before anything is computed."""

    settings: Settings
    system: System
    simulator: Simulator


def prepare(settings: Settings) -> Experiment:
    """Read the grid and make the objects, spots drawn included.

    Raises:
        ValueError: a value that is not possible.
    """
    grid = load_grid()
    photometers, filters = build.photometers(settings)
    for own in filters:
        grid = band_from_filter(grid, own)
    simulator = Simulator(
        grid,
        photometers,
        surface=build.surface(settings),
        limb_darkening=build.limb_darkening(settings),
        degree=settings["simulation"]["degree"],
    )
    times = np.concatenate([p.times[[0, -1]] for p in photometers])
    system = validate(build.system(settings, (times.min(), times.max())))
    return Experiment(settings, system, simulator.sized_for(system))


def observe(experiment: Experiment) -> Observables:
    """The light curves without noise.

    Raises:
        ValueError: the star, its spots or its faculae are off the grid, or too many spots overlap.
    """
    observables = jax.block_until_ready(experiment.simulator(experiment.system))
    if not bool(observables.valid):
        raise ValueError(_why_invalid(experiment))
    return observables


def _why_invalid(experiment: Experiment) -> str:
    star, surface, grid = experiment.system.star, experiment.simulator.surface, experiment.simulator.grid
    parts = {"the photosphere": 0.0, "the spots": -float(star.spot_contrast)}
    if surface.faculae:
        parts["the faculae"] = float(star.facula_contrast)
    low, high = float(grid.teff[0]), float(grid.teff[-1])
    kelvins = ", ".join(f"{name} {float(star.teff) + contrast:g} K" for name, contrast in parts.items())
    exact = (
        f", or more than surface.n_neighbours = {surface.n_neighbours} others overlap a spot"
        if surface.overlap == "exact"
        else ""
    )
    room = experiment.simulator.crossing
    crossings = (
        f", or more than {room.n_caps} spots meet behind a planet, or more than {room.n_epochs} epochs are "
        "in transit"
        if experiment.system.planets.n_planets and experiment.system.spots.n_spots
        else ""
    )
    return (
        f"no light curve: {kelvins}, at logg {float(star.logg):g} and [Fe/H] {float(star.feh):g}: not all "
        f"inside the grid, which spans {low:g} to {high:g} K and has no models where none exist{exact}"
        f"{crossings}; "
        "change star.teff, star.spot_contrast, star.logg or star.feh"
    )


def counted_twice(experiment: Experiment, n: int = 16) -> float:
    """Largest share of the disc that overlap = "sum" counts more than once, at n epochs; NaN if too many."""
    surface, system = experiment.simulator.surface, experiment.system
    if surface.overlap == "exact" or system.spots.n_spots < 2:
        return 0.0
    times = np.concatenate([p.times for p in experiment.simulator.photometers.values()])
    epochs = Epochs.from_days(np.linspace(times.min(), times.max(), n))
    excess = jax.jit(overlap_excess, static_argnums=3)(system.star, system.spots, epochs, surface)
    return float(jnp.max(excess))


def record(experiment: Experiment, observables: Observables) -> Record:
    """What each photometer records, with noise where the settings have it.

    Raises:
        ValueError: a noise model that cannot be applied.
    """
    settings = experiment.settings
    tables = {table["name"] or table["preset"]: table for table in settings["photometers"]}
    recordings = {
        name: _recording(experiment, observables, photometer, tables[name])
        for name, photometer in experiment.simulator.photometers.items()
    }
    name, seed, epoch = (
        settings["star"]["name"],
        settings["noise"]["seed"],
        settings["simulation"]["epoch_bjd"],
    )
    return Record(name, experiment.system, recordings, epoch, seed, settings.text)


def _recording(experiment: Experiment, observables: Observables, photometer: Photometer, table: dict):
    curve = observables.light_curves[photometer.name]
    grid = experiment.simulator.grid.select(photometer.bands)
    ab, vega = (magnitude(curve.baseline, zero) for zero in (grid.ab_zero_point, grid.vega_zero_point))
    models = build.noise(table, experiment.settings["noise"], float(np.ptp(photometer.times)))
    # Kp is close to an AB magnitude of its band; the TESS magnitude is on Vega's scale.
    mags = vega if build.noise_kind(table) == "tess" else ab
    mags = mags if table["magnitude"] is None else jnp.full_like(mags, table["magnitude"])
    corrected, simple, error, good = _noisy(experiment, photometer, curve.flux, mags, models)
    return Recording(
        photometer,
        flux=np.asarray(curve.flux),
        corrected=np.asarray(corrected),
        simple=np.asarray(simple),
        error=np.asarray(error),
        good=np.asarray(good),
        spot_fraction=np.asarray(curve.spot_fraction),
        facula_fraction=np.asarray(curve.facula_fraction),
        baseline=np.asarray(curve.baseline),
        ab_mag=np.asarray(ab),
        vega_mag=np.asarray(vega),
        noise_mag=np.full_like(mags, np.nan) if models is None else np.asarray(mags),
    )


def _noisy(experiment: Experiment, photometer: Photometer, flux, mags, models: tuple[Noise, Noise] | None):
    """Corrected and simple flux, error and mask, band by band from a key of its own."""
    if models is None:
        return flux, flux, jnp.zeros_like(flux), jnp.isfinite(flux)
    # A quarter or sector begins with the data.
    epochs = Epochs.from_days(photometer.times - photometer.times[0])
    root = stream(jax.random.key(experiment.settings["noise"]["seed"]), photometer.name)
    exposure = jnp.asarray(photometer.exposure, flux.dtype)
    for model in models:
        validate_noise(model, epochs, photometer.exposure, mags)
    out = []
    for i, band in enumerate(photometer.bands):
        arguments = flux[i], epochs, exposure, experiment.system.star, mags[i]
        corrected, simple = (_add_noise(*arguments, model, key=stream(root, band)) for model in models)
        out.append((corrected.flux, simple.flux, corrected.flux_err, corrected.good & simple.good))
    return tuple(jnp.stack(rows) for rows in zip(*out, strict=True))


_add_noise = jax.jit(add_noise)
