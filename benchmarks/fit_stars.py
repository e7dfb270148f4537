"""Made-up stars drawn from exactly the priors that the fits of them use, and their observations."""

import math

import jax
import numpy as np

import dynamojax as dj
from dynamojax.inference.information import expected, with_noise
from dynamojax.inference.optimise import pose
from dynamojax.inference.problem import Problem
from dynamojax.instruments.photometer import Photometer
from dynamojax.observables.disc_config import DiscConfig

MODES = ("light", "spectrum", "joint")
NOISE = {"kepler": 1e-3, "apogee": 0.01}
RANGES = {"teff": (3300, 6100), "logg": (4.1, 4.9), "feh": (-0.5, 0.5)}
CONTRAST = 1200.0
DISC = DiscConfig(max_velocity=30, vsini=17, spot_radius=math.radians(12))
SPAN, N_POINTS = 27.0, 150
STRETCH = (15960.0, 16000.0)
CATALOGUE = {"teff": 150.0, "logg": 0.15, "feh": 0.15, "rv": 3.0}  # errors of what was known before
POPULATION = {"teff": (4600, 6000), "logg": (4.2, 4.8), "feh": (-0.4, 0.4), "rv": (-100, 100)}
# A start for everything, the same for all stars: the fits are blind.
BEGIN = {"prot": 6.0, "inc_deg": 60.0, "shear": 0.15, "spot_contrast": CONTRAST, "macroturbulence": 3.0}
BEGIN_SPOTS = ([10.0, 20.0], [0.0, 180.0], [6.0, 6.0])
SURFACE = [
    dj.Free("star.prot", 3, 12, dj.LogUniform()),
    dj.Free("star.inc_deg", 0, 90, dj.Isotropic()),
    dj.Free("star.shear", 0, 0.3),
    dj.Free("spots.lat_deg", -60, 60, dj.OnSphere()),
    dj.Free("spots.lon_deg"),
    dj.Free("spots.radius_deg", 4, 12, dj.LogUniform()),
]


def simulator(mode: str) -> dj.Simulator:
    """Kepler for 27 days, 150 points; a stretch of one APOGEE spectrum."""
    curve = Photometer("kepler", ("kepler",), np.linspace(0, SPAN, N_POINTS))
    spectrograph = dj.apogee(epochs=1).within(*STRETCH)
    photometers = [curve] if mode != "spectrum" else []
    spectrographs = [spectrograph] if mode != "light" else []
    return dj.Simulator(dj.load_grid(), photometers, spectrographs, ranges=RANGES, disc=DISC)


def made_up(i: int) -> tuple[dj.System, dict[str, float]]:
    """Star number i, drawn from the priors, and what a catalogue says of it."""
    rng = np.random.default_rng([20261123, i])
    star = {name: rng.uniform(*ends) for name, ends in POPULATION.items()}
    catalogue = {name: star[name] + rng.normal(0, error) for name, error in CATALOGUE.items()}
    star |= {
        "prot": float(np.exp(rng.uniform(*np.log([3, 12])))),
        "inc_deg": float(np.degrees(np.arccos(rng.uniform()))),
        "shear": rng.uniform(0, 0.3),
        "spot_contrast": CONTRAST,
        "macroturbulence": BEGIN["macroturbulence"],
    }
    top = np.sin(np.deg2rad(60))
    lat = np.degrees(np.arcsin(rng.uniform(-top, top, 2)))
    radius = np.exp(rng.uniform(*np.log([4, 12]), 2))
    spots = dj.SpotMap.from_degrees(lat, rng.uniform(-180, 180, 2), radius)
    return dj.System(dj.Star.from_degrees(**star), spots, dj.Planets.empty()), catalogue


def free(catalogue: dict[str, float]) -> list[dj.Free]:
    """All that is fitted, whatever the data; the catalogue's Gaussians end where the population does."""
    known = [
        dj.Free(f"star.{name}", *POPULATION[name], dj.Normal(catalogue[name], error))
        for name, error in CATALOGUE.items()
    ]
    return known + SURFACE


def guess(catalogue: dict[str, float]) -> dj.System:
    """Where a fit begins: the catalogue within the population, and the same spots for all."""
    within = {
        n: float(np.clip(catalogue[n], a + 0.02 * (b - a), b - 0.02 * (b - a)))
        for n, (a, b) in POPULATION.items()
    }
    spots = dj.SpotMap.from_degrees(*BEGIN_SPOTS)
    return dj.System(dj.Star.from_degrees(**within, **BEGIN), spots, dj.Planets.empty())


def observed(truth: dj.System, simulate: dj.Simulator, i: int) -> list[dj.DataSet]:
    """With white noise; the same numbers for an instrument, whichever others there are."""
    known = {**simulate.photometers, **simulate.spectrographs}
    clean = expected(truth, simulate, {name: NOISE[name] for name in known}, continuum_degree=2)
    root = jax.random.key(i)
    return [with_noise(d, key=jax.random.fold_in(root, list(NOISE).index(d.name))) for d in clean]


def posed(system: dj.System, catalogue: dict, simulate: dj.Simulator, data) -> Problem:
    """The same free parameters and priors for every kind of data."""
    return pose(system, simulate, data, free(catalogue))
