"""The star of `bench_fit_speed`: spots that stay, 960 points, and its posterior for whoever drives it."""

from dataclasses import replace

import numpy as np

import dynamojax as dj
from benchmarks.job import Job, frozen, spotted_star
from dynamojax.instruments.photometer import Photometer
from dynamojax.observables.photometry import disc_flux

SIGMA = 2e-4
N_SPOTS = 10
SEEDS = {2: 7}  # two that the light holds: 6.3 deg at latitude 21, 4.7 at -15
MAX_STEPS = 600
LAT, RADIUS = (-75.0, 75.0), (0.3, 12.0)
FREE = [dj.Free("spots.lat_deg", *LAT), "spots.lon_deg", dj.Free("spots.radius_deg", *RADIUS)]


def scene(n_spots: int = N_SPOTS) -> tuple[dj.System, dj.Simulator, Job]:
    """The star, its simulator, and the same for peers."""
    job = frozen(spotted_star(n_spots, seed=SEEDS.get(n_spots, 3), n_epochs=960))
    job = replace(job, times=np.linspace(0.0, 40.0, 960), prot=9.0, inc=np.deg2rad(65.0))
    law = dj.LimbDarkening([job.u1, job.u2], "quadratic")
    curve = Photometer("kepler", ("kepler",), job.times)
    simulate = dj.Simulator(dj.load_grid(), [curve], limb_darkening={"kepler": law})
    star = dj.Star.from_degrees(teff=5500.0, prot=9.0, inc_deg=65.0, shear=0.0, spot_contrast=1200.0)
    spots = dj.SpotMap.from_degrees(np.rad2deg(job.lat), np.rad2deg(job.lon), np.rad2deg(job.radius))
    system = dj.System(star, spots, dj.Planets.empty())
    bands = simulate.polynomials(system)
    at = simulate.grid.bands.index("kepler")
    contrast = 1.0 - float(disc_flux(bands.spot)[at] / disc_flux(bands.photosphere)[at])
    return system, simulate, replace(job, contrast=contrast)


def near(job: Job) -> np.ndarray:
    """Where all begin: 4 deg and a tenth of the radius off. (3, n_spots) [deg]"""
    rng = np.random.default_rng(7)
    off = rng.normal(size=(3, job.lat.size))
    lat = np.clip(np.rad2deg(job.lat) + 4.0 * off[0], -70, 70)
    radius = np.rad2deg(job.radius) * np.exp(0.1 * off[2])
    return np.stack([lat, np.rad2deg(job.lon) + 4.0 * off[1], radius])


def log_posterior(model: np.ndarray, flux: np.ndarray, xp=np):
    """Of a model whose level is free, up to a constant."""
    level = xp.sum(model * flux) / xp.sum(model * model)
    return -0.5 * xp.sum(((flux - level * model) / SIGMA) ** 2)
