"""Small stars, simulators and data that the tests of inference share."""

from functools import lru_cache

import jax
import numpy as np

import dynamojax as dj
from dynamojax.inference.data import DataSet
from dynamojax.instruments.photometer import Photometer

NOISE = 3e-4


@lru_cache(maxsize=2)
def _simulator(x64: bool, n: int) -> dj.Simulator:
    photometer = Photometer("kepler", ("kepler",), np.linspace(0.0, 7.0, n))
    return dj.Simulator(dj.load_grid(), [photometer])


def photometry(n: int = 120) -> dj.Simulator:
    """Kepler's band for a week, in the precision of the moment."""
    return _simulator(bool(jax.config.jax_enable_x64), n)


def spectroscopy(low: float = 5150.0, high: float = 5250.0) -> dj.Simulator:
    """LAMOST about the magnesium triplet."""
    instrument = dj.lamost(epochs=1).within(low, high)
    ranges = {"teff": (3500.0, 6500.0), "logg": (4.0, 5.0), "feh": (-0.5, 0.5)}
    return dj.Simulator(dj.load_grid(), [], [instrument], ranges=ranges)


def system(radius_deg=(8.0, 6.0)) -> dj.System:
    """Two spots on a star that turns in 3 days."""
    return dj.System(
        star=dj.Star.from_degrees(
            teff=5200.0, prot=3.0, inc_deg=65.0, shear=0.1, spot_contrast=1200.0, macroturbulence=3.0
        ),
        spots=dj.SpotMap.from_degrees([25.0, -15.0], [10.0, 150.0], list(radius_deg)),
        planets=dj.Planets.empty(),
    )


def light_curve(star, simulate, *, noise=NOISE, seed=0, **settings) -> DataSet:
    """Noisy counts of a star's light curve."""
    instrument = simulate.photometers["kepler"]
    flux = np.asarray(simulate(star).light_curves["kepler"].flux[0], np.float64)
    flux = 9e4 * (flux + noise * np.random.default_rng(seed).normal(size=flux.size))
    settings = {"flux_unit": "counts"} | settings
    return DataSet.light_curve(instrument, instrument.times, flux, 9e4 * noise, **settings)


def spectrum(star, simulate, *, noise=0.01, seed=1, **settings) -> DataSet:
    """Noisy spectrum behind a made-up continuum."""
    instrument = simulate.spectrographs["lamost"]
    flux = np.asarray(simulate(star).spectra["lamost"].flux, np.float64)
    tilt = np.linspace(0.9, 1.2, flux.shape[-1]) / np.median(flux)
    flux = flux * tilt * (1 + noise * np.random.default_rng(seed).normal(size=flux.shape))
    return DataSet.spectrum(instrument, instrument.wavelength, flux, noise * flux, **settings)


def with_noise_model(data: DataSet, noise: str) -> DataSet:
    """The same data under another likelihood."""
    fields = ("values", "errors", "good", "factors", "terms", "where", "scale", "nuisance", "instrument")
    return DataSet(*(getattr(data, name) for name in fields), noise)
