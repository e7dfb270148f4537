"""Dust before a simulated star: spectra and band fluxes against brute force, nothing without it, slopes."""

import dataclasses

import astropy.units as u
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from dust_extinction.parameter_averages import F19, G23

import dynamojax as dj
from dynamojax.observables.disc_config import DiscConfig
from dynamojax.observables.photometry import dilution
from dynamojax.observables.spectroscopy import disc_spectra
from dynamojax.simulate.smoothing import Smoothing
from dynamojax.splines import interpolation_filter
from tests.oracles.line_spread import deposited

RANGES = {"teff": (4500.0, 6000.0), "logg": (4.5, 4.5), "feh": (0.0, 0.0)}


def _system(**changes):
    star = dj.Star.from_degrees(
        **{"teff": 5700.0, "logg": 4.5, "prot": 9.0, "inc_deg": 70.0, "spot_contrast": 1000.0} | changes
    )
    return dj.System(star, dj.SpotMap.from_degrees(20.0, 0.0, 9.0), dj.Planets.empty())


def _simulator(is_spectral=True, **options):
    photometers = [
        dj.Photometer("kepler", ("kepler",), np.array([0.0, 0.7])),
        dj.Photometer("two", ("gaia_g", "2mass_ks"), np.zeros(1)),
    ]
    spectrographs = [dj.lamost(epochs=1).within(4000, 4200)] if is_spectral else []
    disc = DiscConfig(n_disc=(8, 2), n_cap=(2, 4), max_velocity=10.0)
    options = {"max_shift": 50.0, "ranges": RANGES, "disc": disc} | options
    return dj.Simulator(dj.load_grid(), photometers, spectrographs, **options)


@pytest.fixture(scope="module")
def exact():
    """In float64 and with all samples of the grid, once for all tests that need it."""
    with jax.enable_x64(True):
        return _simulator(smoothing=Smoothing(over=np.inf))


def _without_dust(simulator):
    where = lambda s: (s.dust.level, *(r.extinction for r in s.recorders))  # noqa: E731
    return eqx.tree_at(where, simulator, tuple(map(jnp.zeros_like, where(simulator))))


def _same(got, expected) -> bool:
    assert bool(got.valid) and bool(expected.valid)
    return all(np.array_equal(a, b) for a, b in zip(*map(jax.tree.leaves, (got, expected)), strict=True))


@pytest.mark.slow
def test_without_dust_every_bit_is_the_same():
    """At av = 0 it does not matter which law there is; with a law of zero not what av is."""
    simulator = _simulator()
    none = _without_dust(simulator)(_system(av=3.0))
    assert _same(simulator(_system()), none)
    assert not _same(simulator(_system(av=3.0)), none)


@pytest.mark.slow
def test_without_dust_every_bit_is_the_same_in_double_precision(exact, x64):
    assert _same(exact(_system()), _without_dust(exact)(_system(av=3.0)))


@pytest.mark.slow
def test_spectra_against_dust_before_the_instrument(exact, x64):
    """The star's light dimmed at every wavelength, sample by sample, and then recorded."""
    system, recorder = _system(av=2.5, rv=30.0), exact.recorders[0]
    at, stages = (recorder.exposures.epochs, jnp.full(1, 30.0)), (exact.surface, exact.convection, exact.disc)

    @eqx.filter_jit
    def light_of(grid):
        parts = system.star, system.spots, system.planets
        return disc_spectra(*parts, *at, grid, *stages)

    light, valid = light_of(recorder.grid)
    assert bool(valid)
    samples = np.convolve(np.asarray(light[0]), interpolation_filter(), mode="same")
    dust = 10 ** (-0.4 * 2.5 * G23(3.1)(recorder.grid.wavelength * u.AA))
    brute = jax.jit(lambda o, s: o(s))(recorder.operator, jnp.asarray(deposited(samples * dust)))
    ours = exact(system).spectra["lamost"].flux[0]
    # slope of the law within a spline, 3e-6 (3e-5 in a smoothed grid, whose samples are farther apart);
    # dust at the pixels' centres would be off by 2e-4 beside lines
    np.testing.assert_allclose(ours, brute * dilution(system.star), rtol=5e-6)


def test_law_and_rv_are_the_simulators(exact, x64):
    other = _simulator(extinction=dj.Extinction("F19", 2.6), smoothing=Smoothing(over=np.inf)).recorders[0]
    law = F19(2.6)(other.grid.wavelength * u.AA)
    np.testing.assert_allclose(other.extinction, law, rtol=1e-12)
    assert np.min(np.abs(other.extinction / exact.recorders[0].extinction - 1)) > 0.02


def test_band_fluxes_are_dimmed_and_spots_less(x64):
    """Uniform discs: a spot's depth is its area times one minus the ratio of the two fluxes that arrive."""
    uniform = {"kepler": dj.LimbDarkening([0.0], "linear")}
    simulator = _simulator(False, limb_darkening=uniform)
    clear, dusty = (simulator(_system(av=av)).light_curves for av in (0.0, 3.0))
    star, spot = (simulator.dust.transmission(jnp.asarray(t), jnp.asarray(3.0))[0] for t in (5700.0, 4700.0))
    np.testing.assert_allclose(dusty["kepler"].baseline[0] / clear["kepler"].baseline[0], star, rtol=1e-12)
    area = clear["kepler"].spot_fraction
    ratio, ratio_behind = (1 - (1 - c["kepler"].flux[0]) / area for c in (clear, dusty))
    np.testing.assert_allclose(ratio_behind / ratio, float(spot / star), rtol=1e-9)
    assert 1.05 < float(spot / star) < 1.15  # redder light comes through
    lost = -2.5 * np.log10(dusty["two"].baseline / clear["two"].baseline)
    # A_Ks / A_V of G23 at 2.16 um is 0.107; Gaia's G loses a little less than V
    np.testing.assert_allclose(lost[1], 0.107 * 3, atol=0.002)
    assert 2.2 < lost[0] < 2.6


@pytest.mark.slow
def test_slopes_and_a_population(exact, x64):
    """Three stars at once, each with its dust, and the slopes of all they show."""
    base, av = _system(), jnp.array([0.0, 0.5, 1.2])

    @jax.jit
    @jax.vmap
    def both(av):
        def magnitudes(av):
            out = exact(dataclasses.replace(base, star=dataclasses.replace(base.star, av=av)))
            fluxes = (out.spectra["lamost"].flux[0], out.light_curves["two"].baseline)
            return jax.tree.map(lambda x: -2.5 * jnp.log10(x), fluxes)

        return jax.jvp(magnitudes, (av,), (jnp.ones_like(av),))

    (pixels, bands), (pixel_slopes, band_slopes) = both(av)
    (high, high_bands), _ = both(av + 1e-4)
    (low, low_bands), _ = both(av - 1e-4)
    np.testing.assert_allclose(pixel_slopes, (high - low) / 2e-4, rtol=1e-6)
    np.testing.assert_allclose(band_slopes, (high_bands - low_bands) / 2e-4, rtol=1e-6)
    law = G23(3.1)(exact.spectrographs["lamost"].wavelength * u.AA)
    # 3e-4 of a magnitude beside lines: dust acts before the instrument, this is the law at the pixels
    np.testing.assert_allclose(np.diff(pixels, axis=0), np.diff(av)[:, None] * law, atol=3e-4)
    assert np.all(np.diff(band_slopes[:, 0]) < 0)  # a wide band reddens: each magnitude of dust takes less


def test_beyond_the_law_is_an_error():
    with pytest.raises(ValueError, match=r"D22 holds from 8000 to 40000 A"):
        _simulator(extinction=dj.Extinction("D22"))
