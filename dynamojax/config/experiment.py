"""One star observed, from checked settings to what is seen without noise: what `dynamojax simulate` does."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from dynamojax.atmosphere.bands import band_from_filter
from dynamojax.atmosphere.grid import BandGrid, load_grid
from dynamojax.config import build, build_sky, build_spectra
from dynamojax.config.reading import Settings
from dynamojax.config.recordings import record as record
from dynamojax.instruments.photometer import Photometer
from dynamojax.simulate import Observables, Simulator
from dynamojax.simulate.simulator import check_laws
from dynamojax.surface.moments import overlap_excess
from dynamojax.system import Epochs, System
from dynamojax.validation import validate


@dataclass(frozen=True)
class Experiment:
    """All that is known before anything is computed.

    Attributes:
        settings: Checked.
        system: Star, spots drawn and planets.
        simulator: Of all instruments.
        grid: Every band.
    """

    settings: Settings
    system: System
    simulator: Simulator
    grid: BandGrid

    @property
    def velocimeters(self) -> dict[str, Photometer]:
        """Those who measure velocities, by name."""
        return {v.photometer.name: v.photometer for v in self.simulator.velocimeters}


def prepare(settings: Settings) -> Experiment:
    """Read the grids and make the objects, spots drawn included.

    Raises:
        ValueError: a value that is not possible.
    """
    grid = load_grid()
    photometers, filters = build.photometers(settings)
    for own in filters:
        grid = band_from_filter(grid, own)
    spectrographs = build_spectra.spectrographs(settings)
    velocimeters = build_spectra.velocimeters(settings)
    times = [instrument.times[[0, -1]] for instrument in (*photometers, *spectrographs, *velocimeters)]
    system = validate(build.system(settings, (np.min(times), np.max(times))))
    common = {
        "surface": build.surface(settings),
        "convection": build_spectra.convection(settings),
        "extinction": build_sky.extinction(settings),
        "degree": settings["simulation"]["degree"],
    }
    if spectrographs:
        common |= build_spectra.spectra(settings, system, spectrographs, common["convection"])
    laws = build.limb_darkening(settings)
    check_laws(laws, sorted({band for p in (*photometers, *velocimeters) for band in p.bands}))
    made = Simulator(grid, photometers, spectrographs, velocimeters, limb_darkening=laws, **common)
    return Experiment(settings, system, made.sized_for(system), grid)


def observe(experiment: Experiment) -> Observables:
    """What is seen without noise.

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
    holes = ", or the spectral grid has a hole there" if experiment.simulator.recorders else ""
    return (
        f"nothing is seen: {kelvins}, at logg {float(star.logg):g} and [Fe/H] {float(star.feh):g}: not all "
        f"inside the grid, which spans {low:g} to {high:g} K and has no models where none exist{exact}"
        f"{crossings}{holes}; "
        "change star.teff, star.spot_contrast, star.logg or star.feh"
    )


def counted_twice(experiment: Experiment, n: int = 16) -> float:
    """Largest share of the disc that overlap = "sum" counts more than once, at n epochs; NaN if too many."""
    system, simulator = experiment.system, experiment.simulator
    if simulator.surface.overlap == "exact" or system.spots.n_spots < 2:
        return 0.0
    instruments = simulator.photometers | simulator.spectrographs | experiment.velocimeters
    times = np.concatenate([instrument.times for instrument in instruments.values()])
    epochs = Epochs.from_days(np.linspace(times.min(), times.max(), n))
    excess = jax.jit(overlap_excess, static_argnums=3)(system.star, system.spots, epochs, simulator.surface)
    return float(jnp.max(excess))
