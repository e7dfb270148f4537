"""Transits against batman and the geometry's limits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.test_util import check_grads

from dynamojax.observables.photometry import BandPolynomials, hidden_light
from dynamojax.planets.orbit import planet_positions
from dynamojax.planets.transit import transit_loss
from dynamojax.surface.moments import SurfaceMoments
from dynamojax.system import Epochs, Planets, Star

batman = pytest.importorskip("batman")
_LOSS = jax.jit(transit_loss)
LAWS = {
    "uniform": ([], [1.0]),
    "linear": ([0.6], [0.4, 0.6]),
    "quadratic": ([0.4, 0.25], [0.35, 0.9, -0.25]),
}
A = [[0.4, 0.5, 0.1, 0.05, -0.05]]


def _disc(a):
    return np.pi * sum(2 * c / (k + 1) for k, c in enumerate(np.asarray(a, float), 1))


def _batman(t, law, u, p, period, a_over_r, inc, ecc, omega):
    params = batman.TransitParams()
    params.t0, params.per, params.rp, params.a, params.inc = 0.0, period, p, a_over_r, np.rad2deg(inc)
    params.ecc, params.w, params.limb_dark, params.u = ecc, np.rad2deg(omega), law, u
    return batman.TransitModel(params, t, max_err=0.01).light_curve(params)


# batman's own elliptic integrals are approximations of 0.01-0.03 ppm; both precisions stay below 0.2.
@pytest.mark.parametrize("law", LAWS)
def test_random_orbits_within_a_fifth_ppm_of_batman(precision, law):
    rng = np.random.default_rng(3)
    u, a = LAWS[law]
    star = Star.from_degrees(mass=1.1, radius=1.2)
    worst = 0.0
    for i in range(12):
        period, ecc, omega = (
            rng.uniform(1, 40),
            (0.0 if i == 0 else rng.uniform(0, 0.7)),
            rng.uniform(0, 6.28),
        )
        p, inc, mass = rng.uniform(0.01, 0.3), np.pi / 2 - rng.uniform(0, 0.02), np.float32(0.0)
        planets = Planets(*(np.atleast_1d(q) for q in (p, mass, period, 0.0, inc, ecc, omega, 0.7)))
        t = np.linspace(-0.04, 0.04, 301) * period**0.4
        epochs = Epochs.from_days(t)
        got = _LOSS(*planet_positions(star, planets, epochs), planets.radius_ratio, jnp.asarray([a]))
        # batman gets the rounded parameters and times.
        q = {name: float(value[0]) for name, value in vars(planets).items()}
        t = np.asarray(epochs.day, float) + np.asarray(epochs.fraction, float)
        gm = 1.3271244e11 * 86400.0**2 / 6.957e5**3
        axis = np.cbrt(gm * float(star.mass) * (q["period"] / (2 * np.pi)) ** 2) / float(star.radius)
        geometry = q["radius_ratio"], q["period"], axis, q["inc"], q["ecc"], q["omega"]
        expected = 1 - _batman(t, law, u, *geometry)
        worst = max(worst, np.abs(np.asarray(got[0], float) / _disc(a) - expected).max())
    assert worst < 0.2e-6


@jax.jit
def _one(*given):
    x, y, z, p, a = map(jnp.asarray, given)
    return transit_loss(x[None, None], y[None, None], z[None, None], p[None], a)[0, 0]


_SLOPES = jax.jit(jax.value_and_grad(_one, argnums=(0, 1, 2, 3, 4)))
EDGES = [
    *[(0.0, 0.1), (1e-6, 0.1), (0.9, 0.1), (1.1, 0.1), (0.1, 0.1), (0.5, 0.5), (1.0, 0.1), (0.0, 0.0)],
    *[(1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (2.0, 1.0), (0.5, 1.5), (0.2, 1.5), (2.5, 1.5), (3.0, 1.5)],
]


@pytest.mark.parametrize(("b", "p"), EDGES)
def test_finite_at_every_contact(precision, b, p):
    for z in (1.0, 0.0, -1.0):
        value, slope = _SLOPES(*map(jnp.asarray, (b, 0.0, z, p, A)))
        assert np.isfinite(value) and all(np.all(np.isfinite(s)) for s in slope)
        if z <= 0 or p == 0 or b >= 1 + p:
            assert value == 0 and all(not np.any(s) for s in slope)


def test_total_eclipse_hides_the_disc(precision):
    value = _one(*map(jnp.asarray, (0.3, 0.2, 1.0, 1.5, A)))
    assert float(value) == pytest.approx(_disc(A[0]), rel=1e-6)


@pytest.mark.parametrize(
    ("x", "y", "p"), [(0.3, 0.2, 0.1), (0.9, 0.35, 0.15), (0.2, 0.1, 0.9), (1.2, 0.0, 0.5)]
)
def test_gradients(x64, x, y, p):
    given = tuple(map(jnp.asarray, (x, y, 1.0, p, A)))
    check_grads(_one, given, order=1, modes=("fwd", "rev"), eps=1e-6, rtol=1e-6, atol=1e-7)


def test_several_planets_and_bands_add_up(x64):
    x, y = jnp.array([[0.1, 0.5], [0.7, -0.9]]), jnp.array([[0.2, 0.0], [0.3, 0.3]])
    p, a = jnp.array([0.1, 0.05]), jnp.array([[1.0, 0.0, 0.0], [0.3, 0.5, 0.2]])
    both = _LOSS(x, y, jnp.ones((2, 2)), p, a)
    each = [_LOSS(x[i, None], y[i, None], jnp.ones((1, 2)), p[i, None], a) for i in (0, 1)]
    np.testing.assert_allclose(both, each[0] + each[1], rtol=1e-14)
    np.testing.assert_allclose(both[0, 0], np.pi * (0.01 + 0.0025), rtol=1e-12)  # a uniform disc


@pytest.mark.parametrize("n_terms", [1, 2, 4, 8])
def test_any_degree_against_quadrature(x64, n_terms):
    # Planet inside the disc: mu^(k-1) over it by a product rule that is exact to rounding.
    a = jnp.asarray(np.random.default_rng(n_terms).uniform(-1, 1, (1, n_terms)))
    r, w = np.polynomial.legendre.leggauss(40)
    r, w, angle = 0.1 * (r + 1), 0.1 * w, 2 * np.pi * np.arange(64) / 64
    mu = np.sqrt(1 - (0.3 + r[:, None] * np.cos(angle)) ** 2 - (r[:, None] * np.sin(angle)) ** 2)
    expected = sum(
        float(c) * np.sum((w * r)[:, None] * mu ** (k - 1)) * 2 * np.pi / 64 for k, c in enumerate(a[0], 1)
    )
    got = _one(*map(jnp.asarray, (0.3, 0.0, 1.0, 0.2)), a)
    assert float(got) == pytest.approx(expected, rel=1e-11)


def test_nan_stays_visible(x64):
    nan = jnp.full((1, 2), jnp.nan)
    assert np.all(np.isnan(_LOSS(nan, nan, nan, jnp.array([0.1]), jnp.asarray(A))))


@settings(max_examples=50, deadline=None)
@given(st.floats(-1.5, 1.5), st.floats(-1.5, 1.5), st.floats(0, 2), st.floats(0, 1), st.floats(0, 1))
def test_within_the_flux_and_symmetric(x, y, p, u1, u2):
    u2 = min(u2, 1 - u1)  # intensity stays positive
    with jax.enable_x64(True):
        a = jnp.array([[1 - u1 - u2, u1 + 2 * u2, -u2]])
        places = jnp.array([[x, -x, y]]), jnp.array([[y, y, x]])
        loss = np.asarray(_LOSS(*places, jnp.ones((1, 3)), jnp.array([p]), a))[0]
    assert np.all(loss >= -1e-12) and np.all(loss <= _disc(a[0]) * (1 + 1e-10))
    np.testing.assert_allclose(loss, loss[0], rtol=1e-9, atol=1e-12)


def test_two_planets_before_a_star_without_faculae_in_several_bands():
    # XLA's CPU compiler (jaxlib 0.10.2) once made infinities of the two matrix products of this scene.
    n, a = 9247, jnp.asarray([[0.35, 0.9, -0.25], [0.5, 0.6, -0.1], [0.6, 0.5, -0.1]])
    bands = BandPolynomials(a, 0.1 * a, a, jnp.asarray(True))
    x = jnp.linspace(-3, 3, n) * jnp.ones((2, 1))

    def lost(x, bands):
        loss = transit_loss(x, 0 * x, 1 + 0 * x, jnp.full(2, 0.03), bands.photosphere)
        nothing = jnp.zeros((a.shape[1], n))
        return loss - hidden_light(bands, SurfaceMoments(nothing, nothing, jnp.full(n, True)))

    there = np.asarray(jax.jit(lost)(x, bands))
    one = np.asarray(_LOSS(x[:1], 0 * x[:1], 1 + 0 * x[:1], jnp.full(1, 0.03), a))
    assert np.abs(there - 2 * one).max() < 1e-7  # rounding of a flux of about 1
