"""Likelihoods against dense float64 linear algebra, and their gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import multivariate_normal, t

from dynamojax.inference.data import DataSet, Nuisance
from dynamojax.inference.likelihood import fitted
from dynamojax.inference.optimise import pose
from tests.inference import stars

N = 40
TIME = np.sort(np.random.default_rng(3).uniform(0, 10, N))
MODEL = 1 + 0.01 * np.sin(TIME)


def data(noise="gaussian", **settings):
    flux = MODEL * (1 + 0.002 * TIME) + 1e-3 * np.random.default_rng(4).normal(size=N)
    good = np.arange(N) % 7 != 0
    return DataSet.light_curve("kepler", TIME, flux, 1e-3, noise=noise, good=good, **settings)


def dense(one, covariance):
    """Log of the marginal likelihood, columns integrated over a flat prior, and the fitted model."""
    good = np.asarray(one.good)[0]
    columns = np.concatenate([(MODEL / MODEL.mean())[:, None] * one.factors, one.terms], axis=1)[good]
    y, inverse = np.asarray(one.values)[0][good], np.linalg.inv(covariance[np.ix_(good, good)])
    normal = columns.T @ inverse @ columns
    best = columns @ np.linalg.solve(normal, columns.T @ inverse @ y)
    log = multivariate_normal(best, covariance[np.ix_(good, good)]).logpdf(y)
    return log + 0.5 * columns.shape[1] * np.log(2 * np.pi) - 0.5 * np.linalg.slogdet(normal)[1]


def test_white_noise_with_jitter(x64):
    one = data(trend_degree=2, offset=True)
    result = fitted(jnp.asarray(MODEL)[None], one, Nuisance(5e-4, 0.0, 4.0, 0.0, 1.0, 300.0))
    variance = np.asarray(one.errors)[0] ** 2 + 5e-4**2
    # The offset is nearly a multiple of the level: the normal matrix has a condition of 1e6.
    np.testing.assert_allclose(result.log_likelihood[0], dense(one, np.diag(variance)), rtol=1e-8)


def test_correlated_noise(x64):
    pytest.importorskip("tinygp")
    one = data("correlated", trend_degree=1)
    result = fitted(jnp.asarray(MODEL)[None], one, Nuisance(0.0, 0.0, 4.0, 2e-3, 0.7, 300.0))
    lag = np.sqrt(3) * np.abs(TIME[:, None] - TIME) / 0.7
    covariance = 2e-3**2 * (1 + lag) * np.exp(-lag) + np.diag(np.asarray(one.errors)[0] ** 2)
    # Points left out have 1e8 times the variance, so that 1e-8 of their weight remains.
    np.testing.assert_allclose(result.log_likelihood[0], dense(one, covariance), rtol=1e-6)


def test_student_with_known_level(x64):
    one = data("student", trend_degree=-1)
    nuisance = Nuisance(0.0, 0.0, 3.0, 0.0, 1.0, 300.0)
    result = fitted(jnp.asarray(MODEL * float(one.scale))[None], one, nuisance)
    good, errors = np.asarray(one.good)[0], np.asarray(one.errors)[0]
    log = t(3.0, MODEL, errors).logpdf(np.asarray(one.values)[0])[good].sum()
    np.testing.assert_allclose(result.log_likelihood[0], log, rtol=1e-10)


def test_students_level_is_at_its_maximum(x64):
    one = data("student", trend_degree=1)
    result = fitted(jnp.asarray(MODEL)[None], one, Nuisance(0.0, 0.0, 3.0, 0.0, 1.0, 300.0))
    good, errors = np.asarray(one.good)[0], np.asarray(one.errors)[0]

    def log(level):
        return t(3.0, level * result.model[0], errors).logpdf(np.asarray(one.values)[0])[good].sum()

    assert log(1.0) > log(1 + 1e-5) and log(1.0) > log(1 - 1e-5)


FREE = [
    *("star.teff", "star.prot", "star.inc_deg", "star.shear", "star.spot_contrast"),
    *("spots.lat_deg", "spots.lon_deg", "spots.radius_deg"),
]


def check_slopes(problem, steps):
    """Gradients of the log posterior against central differences, for every free parameter."""
    values = problem.parameters.start
    log = jax.jit(type(problem).log_posterior)
    slope = jax.jit(jax.grad(type(problem).log_posterior, argnums=1))(problem, values)
    for i, name in enumerate(problem.parameters.names):
        h = steps * max(abs(float(values[i])), 1e-3)
        numeric = (log(problem, values.at[i].add(h)) - log(problem, values.at[i].add(-h))) / (2 * h)
        # Rounding of a log likelihood of order 1e3 over the step, and the step's third derivative.
        np.testing.assert_allclose(slope[i], numeric, rtol=2e-5, atol=1e-12 * 1e4 / h, err_msg=name)


@pytest.mark.parametrize(
    "noise, more",
    [
        ("gaussian", ["kepler.jitter"]),
        pytest.param("student", ["kepler.jitter", "kepler.dof"], marks=pytest.mark.slow),
        pytest.param("correlated", ["kepler.gp_sigma", "kepler.gp_rho"], marks=pytest.mark.slow),
    ],
)
def test_slope_of_every_parameter_of_a_light_curve(x64, noise, more):
    import equinox as eqx

    if noise == "correlated":
        pytest.importorskip("tinygp")
    simulate, star = stars.photometry(60), stars.system()
    one = stars.light_curve(star, simulate, noise=1e-3, trend_degree=1)
    one = eqx.tree_at(lambda d: d.nuisance.jitter, one, jnp.asarray(4e-4))
    one = stars.with_noise_model(one, noise)
    check_slopes(pose(star, simulate, [one], FREE + more), 1e-6)


def test_correlated_noise_of_a_spectrum(x64):
    """Its scale is a velocity, whatever the pixels."""
    pytest.importorskip("tinygp")
    wavelength = np.linspace(5165.0, 5185.0, 40)
    flux = 1 + 0.05 * np.sin(wavelength)
    good = np.arange(40) != 7
    one = DataSet.spectrum(
        "lamost", wavelength, flux, 0.01, resolution=1800.0, good=good, continuum_degree=1, noise="correlated"
    )
    result = fitted(jnp.ones((1, 40)), one, Nuisance(0.0, 0.0, 4.0, 3e-2, 1.0, 120.0))
    lag = np.sqrt(3) * 299792.458 * np.abs(np.log(wavelength[:, None] / wavelength)) / 120.0
    covariance = 3e-2**2 * (1 + lag) * np.exp(-lag) + np.diag(np.asarray(one.errors)[0] ** 2)
    inverse = np.linalg.inv(covariance[np.ix_(good, good)])
    columns, y = np.asarray(one.factors)[good], np.asarray(one.values)[0, good]
    normal = columns.T @ inverse @ columns
    best = columns @ np.linalg.solve(normal, columns.T @ inverse @ y)
    log = multivariate_normal(best, covariance[np.ix_(good, good)]).logpdf(y)
    log += np.log(2 * np.pi) - 0.5 * np.linalg.slogdet(normal)[1]
    np.testing.assert_allclose(result.log_likelihood[0], log, rtol=1e-6)


@pytest.mark.slow
def test_slope_of_every_parameter_of_a_spectrum(x64):
    simulate, star = stars.spectroscopy(5165.0, 5185.0), stars.system()
    one = stars.spectrum(star, simulate, noise=1e-2, continuum_degree=2)
    free = [
        *("star.teff", "star.logg", "star.feh", "star.prot", "star.inc_deg", "star.rv"),
        *("star.macroturbulence", "spots.lat_deg[0]", "spots.lon_deg[0]", "spots.radius_deg[0]"),
    ]
    check_slopes(pose(star, simulate, [one], free), 1e-6)


def test_off_the_grid_is_nan_not_an_error():
    simulate, star = stars.photometry(60), stars.system()
    problem = pose(star, simulate, [stars.light_curve(star, simulate)], ["star.teff"])
    assert np.isnan(jax.jit(type(problem).log_posterior)(problem, jnp.array([1000.0])))


def test_what_does_not_fit_together_is_an_error():
    simulate, star = stars.photometry(60), stars.system()
    other = stars.light_curve(star, stars.photometry(30))
    with pytest.raises(ValueError, match="was not taken at the times"):
        pose(star, simulate, [other], ["star.teff"])
    with pytest.raises(ValueError, match="must have the same stars"):
        pose({"a": star}, simulate, [other], ["a.star.teff"])
    one = stars.light_curve(star, simulate)
    with pytest.raises(ValueError, match="two data sets are called 'kepler'"):
        pose(star, simulate, [one, one], ["star.teff"])
    for name in ("kepler.dof", "kepler.velocity", "kepler.gp_rho"):
        with pytest.raises(ValueError, match=f"{name} has no effect on data with noise = 'gaussian'"):
            pose(star, simulate, [one], [name])
    with pytest.raises(ValueError, match="free is empty"):
        pose(star, simulate, [stars.light_curve(star, simulate)], [])
