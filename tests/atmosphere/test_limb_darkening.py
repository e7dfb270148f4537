import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.test_util import check_grads

from dynamojax.atmosphere import limb_darkening as ld
from tests.oracles import limb_darkening as oracle

LAWS = {
    "linear": (ld.linear_law, oracle.linear, [0.6]),
    "quadratic": (ld.quadratic_law, oracle.quadratic, [0.4, 0.25]),
    "square_root": (ld.square_root_law, oracle.square_root, [0.2, 0.5]),
    "logarithmic": (ld.logarithmic_law, oracle.logarithmic, [0.7, 0.2]),
    "power2": (ld.power2_law, oracle.power2, [0.65, 0.6]),
    "four_parameter": (ld.four_parameter_law, oracle.four_parameter, [0.5, -0.1, 0.6, -0.3]),
}
# Kostogryz et al. (2022), table 5: Kepler, 5800 K, logg 4.5, [M/H] 0 (CC BY, A&A), rounded.
SUN_LIKE = jnp.array([0.58, -0.26, 0.79, -0.39])


@pytest.mark.parametrize("name", LAWS)
def test_disc_flux_matches_closed_form(name):
    law, flux, u = LAWS[name]
    with jax.enable_x64(True):
        mu, w = ld.quadrature_nodes(40)
        got = 2 * np.sum(w * np.asarray(law(jnp.asarray(u), jnp.asarray(mu))))
    # mu^0.6 and mu ln(mu) are not polynomials in sqrt(mu): 40 nodes leave about 1e-8.
    assert got == pytest.approx(flux(u), abs=1e-7)


@pytest.mark.parametrize("name", LAWS)
def test_law_at_centre_limb_and_far_side(name, enable_x64):
    law, _, u = LAWS[name]
    values = law(jnp.asarray(u), jnp.array([1.0, 0.0, -0.3]))
    assert values.dtype == jnp.zeros(()).dtype
    np.testing.assert_allclose(values, [1.0, 0.0, 0.0], atol=1e-6)


@pytest.mark.parametrize("name", LAWS)
def test_gradients_match_differences_and_are_finite_at_the_limb(name):
    law, _, u = LAWS[name]
    with jax.enable_x64(True):
        u = jnp.asarray(u)
        check_grads(
            lambda a, m: law(jnp.asarray(a), jnp.asarray(m)),
            (u, jnp.array([0.15, 0.4, 0.9])),
            order=2,
            modes=("fwd", "rev"),
        )
        for mu in (0.0, -0.5, 1.0):
            grads = jax.grad(law, argnums=(0, 1))(u, jnp.asarray(mu))
            assert all(np.isfinite(g).all() for g in grads)
            if mu <= 0:
                assert all(np.all(np.asarray(g) == 0) for g in grads)


@given(st.floats(0.01, 0.99), st.floats(0.0, 1.0))
@settings(max_examples=50, deadline=None)
def test_kipping_round_trip(q1, q2):
    u = ld.quadratic_from_kipping(jnp.array([q1, q2]))
    np.testing.assert_allclose(ld.kipping_from_quadratic(u), [q1, q2], atol=2e-6)
    assert float(u.sum()) <= 1 + 1e-6 and float(u[0]) >= 0


def test_kipping_gradients_finite_at_their_edges():
    for function in (ld.quadratic_from_kipping, ld.kipping_from_quadratic):
        assert np.isfinite(jax.jacobian(function)(jnp.zeros(2))).all()


def test_nodes_integrate_powers_of_sqrt_mu_exactly():
    mu, w = ld.quadrature_nodes(8)
    for k in range(16):  # a Gauss rule with 8 nodes is exact to degree 15 in sqrt(mu)
        assert np.sum(w * mu ** (k / 2)) == pytest.approx(2 / (k + 4), rel=1e-13)


@pytest.mark.parametrize("degree", [2, 3, 4, 5, 6])
def test_polynomial_matches_dense_least_squares_and_keeps_flux(degree):
    with jax.enable_x64(True):
        mu, w = ld.quadrature_nodes(8)
        intensity = ld.four_parameter_law(SUN_LIKE, jnp.asarray(mu))
        a = np.asarray(ld.polynomial_coefficients(intensity, mu, degree))
    fine = (np.arange(200000) + 0.5) / 200000
    u = np.asarray(SUN_LIKE, dtype=float)

    def law(m):
        return 1 - sum(c * (1 - m ** (k / 2)) for k, c in enumerate(u, start=1))

    # The oracle's midpoint rule carries 1e-9 of error, the condition of powers of mu multiplies it.
    np.testing.assert_allclose(a, oracle.projection(law, fine, degree), atol=1e-5 * 4.0 ** (degree - 2))
    flux = np.sum(a / (np.arange(degree + 1) + 2))
    assert 2 * flux == pytest.approx(oracle.four_parameter(u), rel=1e-7)  # u was rounded to float32 once


def test_polynomial_residual_at_the_default_degree():
    with jax.enable_x64(True):
        mu, _ = ld.quadrature_nodes(8)
        a = ld.polynomial_coefficients(ld.four_parameter_law(SUN_LIKE, jnp.asarray(mu)), mu)
        fine = jnp.linspace(0.0005, 0.9995, 1000)
        residual = jnp.polyval(a[::-1], fine) - ld.four_parameter_law(SUN_LIKE, fine)
        rms = float(jnp.sqrt(2 * jnp.mean(residual**2 * fine)))
    assert rms < 1e-3  # measured over the tables: median 5e-4, worst 2.3e-3


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_polynomial_follows_dtype_under_jit_and_vmap(dtype):
    with jax.enable_x64(True):
        mu, _ = ld.quadrature_nodes(6)
        intensity = jnp.ones((3, 2, 6), dtype)
        a = jax.jit(jax.vmap(lambda i: ld.polynomial_coefficients(i, mu, 3)))(intensity)
        assert a.dtype == dtype and a.shape == (3, 2, 4)
        np.testing.assert_allclose(a[..., 0], 1.0, atol=2e-5)  # float32: condition of the powers of mu


def test_polynomial_refuses_bad_nodes_and_degrees():
    mu, _ = ld.quadrature_nodes(4)
    with pytest.raises(ValueError, match="degree = 4"):
        ld.polynomial_coefficients(jnp.ones(4), mu, 4)
    with pytest.raises(ValueError, match="distinct"):
        ld.polynomial_coefficients(jnp.ones(2), np.array([0.0, 0.5]), 1)


@pytest.fixture(params=[False, True])
def enable_x64(request):
    with jax.enable_x64(request.param):
        yield
