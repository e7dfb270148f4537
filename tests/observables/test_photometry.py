"""Band polynomials, faculae, absolute fluxes and magnitudes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynamojax as dj
from dynamojax.observables.photometry import (
    band_polynomials,
    dilution,
    disc_flux,
    facula_brightening,
    hidden_light,
    magnitude,
)
from dynamojax.surface.moments import SurfaceMoments


@pytest.fixture(scope="module")
def grid():
    return dj.load_grid().select(("kepler", "johnson_v"))


SPOT = dj.SpotMap.from_degrees(0, 0, 5)


def test_disc_flux_is_the_integral(x64):
    a = np.random.default_rng(0).normal(size=(2, 5))
    mu, w = np.polynomial.legendre.leggauss(20)
    mu, w = (mu + 1) / 2, w / 2
    exact = [2 * np.pi * np.sum(w * sum(c * mu ** (k + 1) for k, c in enumerate(row))) for row in a]
    np.testing.assert_allclose(disc_flux(jnp.asarray(a)), exact, rtol=1e-13)


def test_cooler_spots_are_darker_and_faculae_brighten_to_the_limb(grid):
    star = dj.Star.from_degrees(facula_contrast=50.0)
    bands = band_polynomials(star, SPOT, grid, 5, has_faculae=True)
    assert bands.valid
    assert jnp.all(disc_flux(bands.spot) < bands.flux) and jnp.all(disc_flux(bands.facula) > bands.flux)
    mu = jnp.asarray([1.0, 0.5, 0.2])
    ratio = [
        jnp.sum(getattr(bands, p)[0] * m ** jnp.arange(6)) for m in mu for p in ("facula", "photosphere")
    ]
    contrast = jnp.asarray(ratio[::2]) / jnp.asarray(ratio[1::2])
    assert contrast[0] < contrast[1] < contrast[2]


def test_facular_law_of_starsim():
    """At 34.4 K the law is 250.9 - 407.4 mu + 190.9 mu^2 kelvin."""
    star = dj.Star.from_degrees(teff=5800.0, facula_contrast=34.4)
    mu = jnp.asarray([0.1, 0.5, 1.0])
    exact = ((5800 + 250.9 - 407.4 * mu + 190.9 * mu**2) / 5834.4) ** 4
    np.testing.assert_allclose(facula_brightening(star, mu), exact, rtol=1e-6)


def test_an_empty_map_needs_no_spot_temperature_but_a_spot_does(grid):
    star = dj.Star.from_degrees(teff=3000.0, logg=5.0, spot_contrast=1500.0)
    assert band_polynomials(star, dj.SpotMap.empty(3), grid, 5, has_faculae=False).valid
    spotted = band_polynomials(star, SPOT, grid, 5, has_faculae=False)
    assert not spotted.valid and jnp.all(jnp.isnan(spotted.spot))


def test_hidden_light_is_signed(grid):
    bands = band_polynomials(dj.Star.from_degrees(), SPOT, grid, 5, has_faculae=True)
    none, some = jnp.zeros((6, 1)), 0.01 * jnp.ones((6, 1))
    valid = jnp.ones(1, bool)
    assert jnp.all(hidden_light(bands, SurfaceMoments(some, none, valid)) > 0)
    assert jnp.all(hidden_light(bands, SurfaceMoments(none, some, valid)) < 0)


def test_the_sun_has_its_magnitude(grid):
    """M_V = 4.81 (Vega) and 4.80 (AB), both +- 0.03 (Willmer 2018, ApJS 236, 47); the model to 0.05."""
    sun = dj.Star.from_degrees()
    flux = band_polynomials(sun, dj.SpotMap.empty(0), grid, 5, has_faculae=False).flux * dilution(sun)
    assert magnitude(flux, grid.vega_zero_point)[1] == pytest.approx(4.81, abs=0.06)
    assert magnitude(flux, grid.ab_zero_point)[1] == pytest.approx(4.80, abs=0.06)
    assert magnitude(flux[:, None], grid.ab_zero_point).shape == (2, 1)


def test_gradients_against_finite_differences(grid, x64):
    grid = dj.load_grid().select(("kepler",))

    def flux(teff, contrast, logg, feh):
        star = dj.Star.from_degrees(
            teff=teff, logg=logg, feh=feh, spot_contrast=contrast, facula_contrast=60.0
        )
        b = band_polynomials(star, SPOT, grid, 5, has_faculae=True)
        return jnp.log(disc_flux(b.spot)[0]) + jnp.log(disc_flux(b.facula)[0])

    at = tuple(map(jnp.asarray, (5600.0, 1200.0, 4.4, -0.1)))
    slopes = jax.grad(flux, argnums=(0, 1, 2, 3))(*at)
    for i, step in enumerate((0.1, 0.1, 1e-4, 1e-4)):
        up, down = ([a + s * step * (i == j) for j, a in enumerate(at)] for s in (1, -1))
        assert float(slopes[i]) == pytest.approx(
            float(flux(*up) - flux(*down)) / (2 * step), rel=3e-6, abs=1e-10
        )


def test_a_law_takes_the_place_of_the_grids_limb_darkening_and_keeps_its_flux(grid):
    star = dj.Star.from_degrees()
    law = dj.LimbDarkening([0.4, 0.25])
    own = band_polynomials(star, SPOT, grid, 5, False, {"kepler": law})
    of_grid = band_polynomials(star, SPOT, grid, 5, has_faculae=False)
    np.testing.assert_allclose(own.flux, of_grid.flux, rtol=2e-6)
    np.testing.assert_array_equal(own.photosphere[1], of_grid.photosphere[1])
    mu = np.array([0.2, 0.5, 1.0])
    got = np.sum(np.asarray(own.photosphere[0]) * mu[:, None] ** np.arange(6), axis=1)
    np.testing.assert_allclose(got / got[2], 1 - 0.4 * (1 - mu) - 0.25 * (1 - mu) ** 2, rtol=2e-5)


def test_wrong_laws_are_explained(grid):
    with pytest.raises(ValueError, match="law = 'cubic' must be one of linear, quadratic"):
        dj.LimbDarkening([0.1], "cubic")
    with pytest.raises(ValueError, match="the quadratic law takes 2"):
        dj.LimbDarkening([0.1])
    with pytest.raises(ValueError, match=r"limb_darkening names \['tess'\]"):
        dj.Simulator(grid, [dj.kepler(days=1)], limb_darkening={"tess": dj.LimbDarkening([0.1, 0.1])})
