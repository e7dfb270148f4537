"""A grid that is smoothed before spectra are interpolated in it gives the same spectra from fewer samples."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynamojax as dj

RANGES = {"teff": (4250.0, 5750.0), "logg": (4.5, 4.5), "feh": (0.0, 0.0)}


def _system(teff):
    star = dj.Star.from_degrees(
        teff=teff, logg=4.5, feh=0.0, inc_deg=70, prot=3.0, spot_contrast=750.0, rv=80.0
    )
    return dj.System(star, dj.SpotMap.from_degrees([20], [40], [15]), dj.Planets.empty())


@pytest.fixture(scope="module")
def simulators():
    given = dj.lamost(epochs=1).within(4800, 6600)
    return [
        dj.Simulator(dj.load_grid(), [], [given], ranges=RANGES, smoothing=dj.Smoothing(over=over))
        for over in (math.inf, 1.4)
    ]


@pytest.mark.slow
def test_spectra_are_those_of_the_grid_as_it_is(simulators):
    """At models only the basis of 160 rows errs, between them the interpolation is of other numbers."""
    whole, smooth = simulators
    assert smooth.recorders[0].grid.n_wavelength < 0.4 * whole.recorders[0].grid.n_wavelength
    for teff, most, usual in ((5500.0, 1e-3, 1e-4), (5410.0, 3e-3, 3e-4)):
        a, b = (np.asarray(s(_system(teff)).spectra["lamost"].flux, float) for s in (whole, smooth))
        error = np.abs(b / a - 1)
        assert error.max() < most and np.sqrt(np.mean(error**2)) < usual


@pytest.mark.slow
def test_velocities_are_kept(simulators):
    """The shift of the star as a whole, by the first order of a Taylor series: 10 m/s."""
    whole, smooth = simulators

    def flux(simulate, rv):
        system = _system(5500.0)
        star = dj.Star(**{**vars(system.star), "rv": rv})
        return simulate(dj.System(star, system.spots, system.planets)).spectra["lamost"].flux[0]

    _, slope = jax.jvp(lambda v: flux(whole, v), (jnp.asarray(80.0),), (jnp.asarray(1.0),))
    difference = flux(smooth, jnp.asarray(80.0)) - flux(whole, jnp.asarray(80.0))
    slope, difference = np.asarray(slope, float), np.asarray(difference, float)
    assert abs(slope @ difference / (slope @ slope)) < 0.01


def test_a_fine_instrument_is_given_the_grid_as_it_is():
    finest = dj.lamost_mrs(epochs=1).within(6400, 6600)
    file = dj.open_grid()
    segment = file.segment(wavelength=(6400.0, 6600.0))
    assert dj.Smoothing().resolution(finest, segment) is None
    assert dj.Smoothing().resolution(dj.lamost(epochs=1), segment) == pytest.approx(1.4 * 1800)


def test_wrong_values_are_explained():
    for wrong in ({"over": 1.0}, {"rank": 0}, {"over": math.nan}):
        with pytest.raises(ValueError, match="over = .* allowed: from 1.2"):
            dj.Smoothing(**wrong)
