"""Fits of made-up stars: ends, posteriors, faults."""

import jax
import numpy as np
import pytest

import dynamojax as dj
from dynamojax.inference.information import Information, expected, fisher, matrix_at, with_noise
from dynamojax.inference.optimise import pose
from dynamojax.inference.posterior import laplace
from dynamojax.inference.sampling import _walked, sample_posterior
from dynamojax.inference.spots import fit_spots
from tests.inference import stars

FREE = [
    *(dj.Free("star.prot", 2, 4), dj.Free("spots.lat_deg", -80, 80), "spots.lon_deg"),
    dj.Free("spots.radius_deg", 1, 20),
]
KEY = jax.random.key(5)


@pytest.fixture(scope="module")
def found():
    """A star, its data, and the fit from a start beside it."""
    with jax.enable_x64(True):
        simulate, star = stars.photometry(), stars.system()
        one = stars.light_curve(star, simulate)
        start = dj.System(star.star, stars.system((6.0, 8.0)).spots, star.planets)
        yield star, simulate, one, dj.fit(start, simulate, [one], FREE, key=KEY)


def test_a_light_curve_is_found_again(found, x64):
    star, _, one, fit = found
    assert fit.is_converged and fit.is_valid and not fit.at_bounds
    errors = laplace(fit).errors
    truth = np.array([3.0, 25.0, -15.0, 10.0, 150.0, 8.0, 6.0])
    assert np.all(np.abs(fit.values - truth) < 4 * errors)
    # 120 points less 7 parameters and a level: six standard deviations of chi square.
    assert abs(fit.chi2 - 112) < 6 * np.sqrt(2 * 112)
    model = fit.fitted["kepler"].model[0]
    np.testing.assert_allclose(model, np.asarray(one.values)[0], atol=6 * stars.NOISE)


def test_hessian_and_fisher_agree_near_the_truth(found, x64):
    _, _, _, fit = found
    result = laplace(fit)
    assert result.information.kind == "hessian" and not result.information.open_directions
    first = matrix_at(fit.problem, fit.canonical, "fisher")
    # The residuals' share of the curvature: a tenth at this noise.
    np.testing.assert_allclose(result.errors, first.errors, rtol=0.3)
    assert result.samples(10, seed=1).shape == (10, 7)


@pytest.mark.slow
def test_hessian_with_a_planet_in_front_of_a_spot(precision):
    """Against differences of the gradient, in double precision; finite in single, where there was NaN."""
    times = np.linspace(0.9, 1.1, 41)
    simulate = dj.Simulator(dj.load_grid(), [dj.Photometer("kepler", ("kepler",), times)])
    planet = dj.Planets.from_degrees(
        radius_earth=11.0, star_radius=1.0, period=3.0, t_transit=1.0, inc_deg=88.0, obliquity_deg=20.0
    )
    spots = dj.SpotMap.from_degrees([8.0, 12.0], [-42.0, -35.0], [6.0, 5.0], t_max=1.0)
    star = dj.System(dj.Star.from_degrees(prot=9.0, inc_deg=80.0, shear=0.2), spots, planet)
    simulate = simulate.sized_for(star)
    free = [
        "spots.lon_deg",
        dj.Free("spots.radius_deg", 1, 20),
        dj.Free("planets.radius_ratio[0]", 0.05, 0.2),
    ]
    problem = pose(star, simulate, expected(star, simulate, {"kepler": 1e-4}), free)
    at = problem.parameters.start
    hessian = matrix_at(problem, at, "hessian").matrix
    assert np.isfinite(hessian).all()
    if precision == "float64":
        slope, units = jax.jit(jax.grad(problem.log_posterior)), np.array(problem.parameters.units)
        steps = 1e-6 * np.eye(at.size)
        rows = [(slope(at - step) - slope(at + step)) / 2e-6 for step in steps]
        # Slopes are those of the exact region, values sums over its slices: the residuals' share differs.
        scale = np.sqrt(np.outer(np.diag(hessian), np.diag(hessian)))
        np.testing.assert_allclose(hessian / scale, rows * np.outer(units, units) / scale, atol=1e-3)


def test_an_open_direction_is_named(x64):
    simulate, star = stars.photometry(60), stars.system()
    free = [dj.Free("star.radius", 0.5, 2), dj.Free("star.prot", 2, 4)]
    information = fisher(star, simulate, {"kepler": 1e-3}, free)
    # A relative light curve does not know how large the star is.
    assert information["star.radius"] == np.inf and np.isfinite(information["star.prot"])
    worst, parts = information.open_directions[0]
    assert list(parts) == ["star.radius"] and worst > 1e3


def test_more_data_hold_more(x64):
    simulate, star = stars.photometry(60), stars.system()
    ones = [fisher(star, simulate, {"kepler": e}, FREE).errors for e in (1e-3, 1e-4)]
    np.testing.assert_allclose(ones[0], 10 * ones[1], rtol=1e-6)


def test_a_matrix_with_nan_is_not_positive():
    matrix = np.full((3, 3), np.nan)  # of which NumPy's eigenvalues do not converge
    information = Information(("a", "b", "c"), np.zeros(3), matrix, np.ones(3), "hessian")
    assert not information.is_positive
    assert np.isnan(information.covariance).all() and np.isnan(information.errors).all()
    assert information.open_directions == []


def test_starts_that_fail_stay_alone(x64):
    simulate, star = stars.photometry(60), stars.system()
    one = stars.light_curve(star, simulate)
    cool = dj.System(dj.Star.from_degrees(teff=1000.0, prot=3.0), star.spots, star.planets)
    good, bad = dj.fit_many([star, cool], simulate, [[one], [one]], [FREE[0]], key=KEY)
    assert good.is_valid and good.is_converged
    assert not bad.is_valid and np.isnan(bad.values).all() and not bad.is_converged
    with pytest.raises(ValueError, match="not valid"):
        laplace(bad)


def test_faults_of_methods():
    simulate, star = stars.photometry(60), stars.system()
    one = stars.light_curve(star, simulate, noise=1e-3)
    with pytest.raises(ValueError, match="allowed: auto, levenberg_marquardt"):
        dj.fit(star, simulate, [one], FREE, key=KEY, method="simplex")
    student = stars.with_noise_model(one, "student")
    with pytest.raises(ValueError, match="take bfgs or adam"):
        dj.fit(star, simulate, [student], FREE, key=KEY, method="levenberg_marquardt")


@pytest.mark.slow
def test_spots_are_counted(x64):
    simulate, star = stars.photometry(), stars.system()
    one = stars.light_curve(star, simulate, noise=1e-3)
    start = dj.System(
        star.star, dj.SpotMap.from_degrees([10.0] * 3, [0.0] * 3, [5.0] * 3), planets=star.planets
    )
    result = fit_spots(start, simulate, [one], FREE[1:], key=KEY, n_starts=3, n_candidates=64)
    assert result.n_spots == 2 and len(result.bics) == 4
    assert np.all(np.diff(result.bics[:3]) < -10)


@pytest.mark.slow
def test_nuts_agrees_with_laplace(found, x64):
    pytest.importorskip("numpyro")
    star, simulate, one, fit = found
    settings = {"n_warmup": 200, "n_draws": 200, "n_chains": 2}
    draws = sample_posterior(fit, key=KEY, **settings)
    width = draws.values.reshape(-1, 7).std(0)
    # 100 effective draws hold a standard deviation to 7 %, and the posterior is not quite Gaussian.
    np.testing.assert_allclose(width, laplace(fit).errors, rtol=0.4)
    assert np.all(draws.r_hat < 1.1)
    assert set(draws.to_arviz().groups()) == {"posterior", "sample_stats"}
    # Another star with as much data: the program is there.
    n_programs = _walked._cache_size()
    other = dj.fit(star, simulate, [with_noise(one, key=KEY)], FREE, key=KEY)
    again = sample_posterior(other, key=KEY, **settings)
    assert _walked._cache_size() == n_programs and np.any(again.values != draws.values)


@pytest.mark.slow
def test_pulls_of_many_stars_are_normal(x64):
    simulate, star = stars.photometry(60), stars.system()
    clean = expected(star, simulate, {"kepler": 1e-3})
    data = [[with_noise(clean[0], key=jax.random.key(i))] for i in range(48)]
    fits = dj.fit_many([star] * 48, simulate, data, FREE, key=KEY)
    bound = matrix_at(fits[0].problem, pose(star, simulate, clean, FREE).parameters.start, "fisher").errors
    truth = np.array([3.0, 25.0, -15.0, 10.0, 150.0, 8.0, 6.0])
    pulls = np.array([(f.values - truth) / bound for f in fits])
    assert all(f.is_converged for f in fits)
    # 48 draws: a standard deviation to 10 % each, 4 of it, and a tenth for what is not linear.
    assert np.all(np.abs(pulls.std(0) - 1) < 0.5) and np.all(np.abs(pulls.mean(0)) < 4 / np.sqrt(48) + 0.1)


@pytest.mark.slow
def test_single_precision_ends_at_the_same_place(found):
    _, _, _, reference = found
    simulate, star = stars.photometry(), stars.system()
    fit = dj.fit(star, simulate, [stars.light_curve(star, simulate)], FREE, key=KEY)
    assert fit.is_valid and fit.values.dtype == np.float64
    with jax.enable_x64(True):
        errors = laplace(reference).errors
    # Rounding of the light curve is 1e-7, a 3000th of the noise.
    assert np.all(np.abs(fit.values - reference.values) < 0.2 * errors)


def test_stars_that_are_not_alike_are_refused():
    star = stars.system()
    one = stars.light_curve(star, stars.photometry(60), noise=1e-3)
    other = stars.with_noise_model(one, "student")
    with pytest.raises(ValueError, match="differ in more than numbers"):
        dj.fit_many([star, star], stars.photometry(60), [[one], [other]], FREE, key=KEY)
