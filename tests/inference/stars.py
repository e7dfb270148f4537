"""Small stars, simulators and data that the tests of inference share."""

from functools import lru_cache

import jax
import numpy as np

import dynamojax as dj
from dynamojax.inference.data import DataSet

NOISE = 3e-4


@lru_cache(maxsize=2)
def _grid(x64: bool):
    return dj.load_grid()


def grid():
    """In the precision of the moment."""
    return _grid(bool(jax.config.jax_enable_x64))


def system(radius_deg=(8.0, 6.0)) -> dj.System:
    """Two spots on a star that turns in 3 days."""
    return dj.System(
        star=dj.Star.from_degrees(
            teff=5200.0, prot=3.0, inc_deg=65.0, shear=0.1, spot_contrast=1200.0, macroturbulence=3.0
        ),
        spots=dj.SpotMap.from_degrees([25.0, -15.0], [10.0, 150.0], list(radius_deg)),
        planets=dj.Planets.empty(),
    )


def photometer(n=120):
    """Kepler's band, a week."""
    from dynamojax.instruments.photometer import Photometer


    return Photometer("kepler", ("kepler",), np.linspace(0.0, 7.0, n))


def light_curve(star, simulate, *, scale=1.0, noise=NOISE, seed=0, **settings) -> DataSet:
    """Noisy data of a star's light curve."""
    instrument = simulate.photometers["kepler"]
    flux = np.asarray(simulate(star).light_curves["kepler"].flux[0], np.float64)
    flux = scale * (flux + noise * np.random.default_rng(seed).normal(size=flux.size))
    settings = {"flux_unit": "counts"} | settings
    return DataSet.light_curve(instrument, instrument.times, flux, scale * noise, **settings)


def spectrum(star, simulate, *, noise=0.01, seed=1, **settings) -> DataSet:
    """Noisy spectrum with a made-up continuum."""
    instrument = simulate.spectrographs["lamost"]
    flux = np.asarray(simulate(star).spectra["lamost"].flux, np.float64)
    tilt = np.linspace(0.9, 1.2, flux.shape[-1]) * 3e15
    error = noise * np.median(flux) * tilt
    flux = flux * tilt + error * np.random.default_rng(seed).normal(size=flux.shape)
    return DataSet.spectrum(instrument, instrument.wavelength, flux, error, **settings)
