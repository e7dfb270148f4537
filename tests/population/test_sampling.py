"""Stars drawn one by one or together: the same star, in bounds, with labels that fit the system."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynamojax as dj
from dynamojax.evolution.turnover import turnover_cranmer
from dynamojax.population.binaries import eclipsing_binaries, kepler_binaries
from dynamojax.population.distributions import Histogram, LogNormal, Normal, Uniform
from dynamojax.population.drawing import accepted
from dynamojax.population.planets import kepler_planets
from dynamojax.population.rotation import ShearLaw
from dynamojax.population.sampling import LABEL_UNITS, sample_population, sample_star, sized_for, with_window

ROOT = jax.random.key(17)
N = 64


@pytest.fixture(scope="module")
def tracks():
    return dj.load_tracks()


@pytest.fixture(scope="module")
def everything():
    return dj.Prior.kepler(planets=kepler_planets(2), binaries=kepler_binaries())


@pytest.fixture(scope="module")
def stars(everything, tracks):
    return sample_population(ROOT, N, everything, tracks=tracks)


@pytest.fixture(scope="module")
def plain(tracks):
    return sample_population(ROOT, N, dj.Prior.kepler(n_spots=100), tracks=tracks)


def _same(a, b, rtol):
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        # angles of up to 2 pi round by 5e-7 at each step, times of spots as those of the whole window
        x, y = np.asarray(x), np.asarray(y)
        largest = np.max(np.abs(x), where=np.isfinite(x), initial=0.0)
        np.testing.assert_allclose(x, y, rtol=rtol, atol=5e-6 + 1e-5 * largest, equal_nan=True)


def test_star_17_is_the_same_anywhere_in_a_batch(tracks, plain):
    late = sample_population(ROOT, N, dj.Prior.kepler(n_spots=100), tracks=tracks, first_id=10)
    _same(jax.tree.map(lambda x: x[17], plain), jax.tree.map(lambda x: x[7], late), rtol=1e-6)


@pytest.mark.slow
def test_star_17_is_the_same_alone_and_in_any_batch(everything, tracks, stars):
    # Rounding in single precision may differ between programs; what was drawn may not.
    alone = jax.jit(sample_star)(ROOT, jnp.asarray(17), everything, tracks)
    late = sample_population(ROOT, 5, everything, tracks=tracks, first_id=13)
    wanted = jax.tree.map(lambda x: x[17], stars)
    for other in (alone, jax.tree.map(lambda x: x[4], late)):
        _same(wanted, other, rtol=2e-4)
        for name in ("is_binary", "n_spots", "n_planets", "n_tries"):
            assert np.array_equal(wanted.labels[name], other.labels[name])


def test_a_part_does_not_move_the_others(tracks, plain):
    rigid = ShearLaw(LogNormal(1e-9, 0.1), 0.5)
    other = dataclasses.replace(dj.Prior.kepler(n_spots=100), shear=rigid)
    changed = sample_population(ROOT, N, other, tracks=tracks)
    assert np.all(np.asarray(changed.system.star.shear) < 1e-6)
    for name in ("teff", "prot", "inc", "distance"):
        _same(getattr(changed.system.star, name), getattr(plain.system.star, name), rtol=1e-6)


def test_other_key_other_stars(tracks, plain):
    other = sample_population(jax.random.key(18), N, dj.Prior.kepler(n_spots=100), tracks=tracks)
    assert not np.any(np.asarray(other.labels["mass"]) == np.asarray(plain.labels["mass"]))


@pytest.mark.slow
def test_valid_stars_are_possible_and_in_bounds(stars):
    valid = np.asarray(stars.valid)
    assert valid.mean() > 0.95
    dj.validate(jax.tree.map(lambda x: x[valid], stars.system))
    star = stars.system.star
    assert np.all((star.teff >= 3000) & (star.teff <= 7200) & (star.logg >= 3.5))


@pytest.mark.slow
def test_labels_fit_the_star(stars):
    star, labels = stars.system.star, stars.labels
    assert set(labels) == set(LABEL_UNITS)
    radius = np.sqrt(labels["luminosity"]) * (5772.0 / np.asarray(star.teff)) ** 2
    np.testing.assert_allclose(star.radius, radius, rtol=1e-4)
    turnover, _ = jax.vmap(turnover_cranmer)(jnp.clip(star.teff, 3300.0, 7000.0))
    np.testing.assert_allclose(labels["rossby"], star.prot / turnover, rtol=1e-4)
    number = np.sum(np.asarray(stars.system.planets.radius_ratio) > 0, axis=1)
    assert np.array_equal(labels["n_planets"], number)
    assert np.array_equal(np.isnan(labels["mass_ratio"]), ~np.asarray(labels["is_binary"]))
    assert np.all(np.asarray(labels["is_binary"]) | ~np.asarray(labels["is_blended"]))


def test_a_prior_out_of_reach_is_not_valid(tracks):
    nowhere = dataclasses.replace(dj.Prior.kepler(n_spots=100), teff_low=7000.0, teff_high=3000.0)
    stars = sample_population(ROOT, N, nowhere, tracks=tracks)
    assert not np.any(stars.valid)
    assert np.all(stars.labels["n_tries"] == nowhere.max_tries)
    assert np.all(np.isnan(stars.labels["mass"]))


@pytest.mark.slow
def test_tries_end_where_a_star_is_found(tracks):
    # Half of the draws have more metals than the tracks.
    plain = dj.Prior.kepler(n_spots=100)
    solar = Histogram(plain.mass.edges, np.where(np.arange(16) == 8, 1.0, 0.0))
    half = dataclasses.replace(plain, mass=solar, feh=Normal(0.5, 0.1, -2.0, 3.0), age=Uniform(2.0, 3.0))
    stars = sample_population(ROOT, N, half, tracks=tracks)
    assert np.all(stars.valid)
    assert np.all(np.asarray(stars.system.star.feh) <= 0.5)
    # geometric with p = 1/2: mean 2, standard deviation 1.4; four standard errors of 64 stars
    assert float(np.mean(stars.labels["n_tries"])) == pytest.approx(2.0, abs=0.71)


@pytest.mark.slow
def test_too_few_places_are_noticed(tracks):
    stars = sample_population(ROOT, N, dj.Prior.kepler(n_spots=2), tracks=tracks)
    lost = ~np.asarray(stars.valid)
    assert lost.mean() > 0.5
    assert np.all(np.isnan(np.asarray(stars.system.spots.radius)[lost]).all(axis=1))


@pytest.mark.slow
def test_room_follows_the_window(tracks):
    short, long = (
        sized_for(with_window(dj.Prior.kepler(), 0.0, stop), key=jax.random.key(3), tracks=tracks, n=128)
        for stop in (30.0, 200.0)
    )
    assert short.emergence.n_spots < long.emergence.n_spots
    assert np.all(sample_population(ROOT, N, long, tracks=tracks).valid)


@pytest.mark.parametrize("window", [(5.0, 5.0), (0.0, np.inf), (3.0, 1.0)])
def test_windows_must_be_windows(window):
    with pytest.raises(ValueError, match="below stop"):
        with_window(dj.Prior.kepler(), *window)


def test_numbers_of_stars_must_be_numbers(tracks):
    with pytest.raises(ValueError, match="n = 0"):
        sample_population(ROOT, 0, tracks=tracks)


def test_precision_follows_jax(plain):
    floats = [x for x in jax.tree.leaves(plain) if jnp.issubdtype(x.dtype, jnp.floating)]
    assert {x.dtype for x in floats} == {jnp.result_type(float)}


@pytest.mark.slow
def test_temperature_and_period_have_slopes_in_the_prior():
    # In the mean mass, against the difference of draws at the same place in the distribution; float64.
    with jax.enable_x64(True):
        tracks = dj.load_tracks()
        prior = dataclasses.replace(dj.Prior.kepler(n_spots=10), mass=Normal(0.9, 0.05, 0.5, 1.2))

        def drawn(mean):
            of, _ = accepted(eqx.tree_at(lambda p: p.mass.mean, prior, mean), tracks, key=jax.random.key(3))
            spin = prior.rotation(tracks, of.mass, of.feh, of.state.age_gyr, of.state, key=jax.random.key(4))
            return jnp.stack([of.state.teff, spin.prot])

        at, step = jnp.asarray(0.9), 1e-5
        run = jax.jit(drawn)
        slopes = jax.jit(jax.jacfwd(drawn))(at)
        differences = (run(at + step) - run(at - step)) / (2 * step)
        np.testing.assert_allclose(slopes, differences, rtol=1e-4)
        assert float(slopes[0]) > 1000.0


@pytest.mark.slow
def test_gradients_are_finite_in_every_parameter(tracks):
    prior = dj.Prior.kepler(n_spots=60, planets=kepler_planets(1), binaries=eclipsing_binaries())

    def total(prior):
        sample = sample_star(jax.random.key(3), jnp.asarray(5), prior, tracks)
        star = sample.system.star
        return star.prot + star.teff / 1e3 + jnp.sum(sample.system.spots.radius) + jnp.log(star.distance)

    slopes = jax.jit(jax.grad(total))(prior)
    named = jax.tree_util.tree_leaves_with_path(slopes)
    assert not [jax.tree_util.keystr(path) for path, x in named if not np.all(np.isfinite(x))]


@pytest.mark.slow
def test_original_priors_are_there(tracks):
    stars = sample_population(ROOT, N, dj.Prior.original(), tracks=tracks)
    valid = np.asarray(stars.valid)
    assert valid.mean() > 0.9
    prot = np.asarray(stars.system.star.prot)
    assert np.all((prot >= 1.0) & (prot <= 50.0))
