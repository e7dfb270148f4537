"""How much of the spectral grid a spectrograph is given: enough, whatever its resolution."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dynamojax.atmosphere.grid_file import open_grid
from dynamojax.atmosphere.interpolation import intensity
from dynamojax.instruments.line_spread import finest_resolution, pixel_operator, window_reach
from dynamojax.instruments.spectrograph import Arm, Spectrograph
from dynamojax.observables.disc_config import DiscConfig
from dynamojax.simulate.smoothing import Smoothing
from dynamojax.simulate.spectra import Recorder
from tests.oracles.line_spread import deposited

DISC = DiscConfig(max_velocity=20.0)
STAR = {"teff": (5500.0, 5500.0), "logg": (4.5, 4.5), "feh": (0.0, 0.0)}


def spectrograph(resolution, low=6000.0, high=6400.0, step=3.0):
    arm = Arm.from_centres("a", np.arange(low, high, step), resolution)
    return Spectrograph("low", (arm,), np.zeros(1))


@pytest.mark.parametrize("resolution", [50.0, 500.0, 1800.0])
def test_coarse_instruments_are_given_the_grid_that_they_need(resolution, x64):
    given = spectrograph(resolution)
    tight, ample = (Recorder.build(given, open_grid(), DISC, shift, **STAR) for shift in (5.0, 3000.0))
    assert tight.grid.n_wavelength < ample.grid.n_wavelength
    # Whatever the spectrum, what lies beyond the tight cut counts for nothing.
    offset = round((tight.grid.ln_start - ample.grid.ln_start) / tight.grid.ln_step)
    spectrum = np.random.default_rng(0).uniform(0.5, 1.5, ample.grid.n_wavelength)
    part = spectrum[offset : offset + tight.grid.n_wavelength]
    got, expected = (jax.jit(lambda r, s: r.operator(s))(r, s) for r, s in ((tight, part), (ample, spectrum)))
    np.testing.assert_allclose(got, expected, rtol=1e-8)


@pytest.mark.slow
def test_a_few_samples_are_smoothed_without_a_basis():
    """Hardly more samples than a basis has rows are held as they are: the spectrum, but for the smoothing."""
    given = spectrograph(1800.0, 6000.0, 6100.0)
    small = Recorder.build(given, open_grid(), DISC, 5.0, None, None, Smoothing(), **STAR)
    assert small.grid.basis is None and small.grid.n_wavelength < 2 * Smoothing().rank
    whole = Recorder.build(given, open_grid(), DISC, 5.0, **STAR)
    at = (jnp.asarray(x) for x in (5500.0, 4.5, 0.0))
    teff, logg, feh = at
    fluxes = []
    for recorder in (small, whole):
        rows, valid = intensity(recorder.grid, teff, logg, feh)
        flux = jnp.asarray(recorder.grid.mu_weight, rows.dtype) @ rows
        assert valid and flux.shape == (recorder.grid.n_wavelength,)
        fluxes.append(recorder.operator(jnp.asarray(deposited(np.asarray(flux, float)), rows.dtype)))
    # At a node only the order of smoothing and fixed points of the file differ.
    np.testing.assert_allclose(*fluxes, rtol=2e-3)


def test_window_reach_holds_every_weight(x64):
    for resolution in (100.0, 3000.0):
        given, step = spectrograph(resolution), 1 / 24000
        reach = window_reach(given, step)
        start = np.log(given.ends[0]) - reach * step
        n = int(np.ceil((np.log(given.ends[1]) - start) / step)) + reach + 1
        pixel_operator(given, start, step, n)  # not beyond
        with pytest.raises(ValueError, match="margins for the line spread"):
            pixel_operator(given, start + reach * step, step, n - reach)


def test_the_finest_resolution_is_the_finest_that_passes():
    step, own = 1 / 24000, 35000.0
    finest = finest_resolution(step, own)
    axis = np.log(5900.0), step, 3000
    pixel_operator(spectrograph(0.999 * finest), *axis, grid_resolution=own)
    with pytest.raises(ValueError, match="samples per e-fold"):
        pixel_operator(spectrograph(1.001 * finest), *axis, grid_resolution=own)
