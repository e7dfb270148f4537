import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dynamojax.evolution.inversion import stars_of
from dynamojax.evolution.track_file import load_tracks
from dynamojax.evolution.tracks import age_span_gyr, evolve

evolved = jax.jit(jax.vmap(evolve, (None, 0, 0, 0)))


@functools.cache
def tracks():
    with jax.enable_x64(True):
        return load_tracks()


@jax.jit
def found(grid, teff, logg, feh):
    return jax.lax.map(lambda at: stars_of(grid, *at), (teff, logg, feh))


def _stars(n, seed):
    rng = np.random.default_rng(seed)
    mass, feh = rng.uniform(0.4, 2.5, n), rng.uniform(-1.5, 0.45, n)
    first, last = jax.vmap(age_span_gyr, (None, 0, 0))(tracks(), jnp.asarray(mass), jnp.asarray(feh))
    age = np.maximum(first, 0.1)
    age = age + (np.minimum(last, 13.5) - age) * rng.uniform(size=n)
    return jnp.asarray(mass), jnp.asarray(feh), jnp.asarray(age)


@pytest.mark.slow
def test_stars_are_found_again_and_every_answer_is_one(x64):
    grid, (mass, feh, age) = tracks(), _stars(64, 3)
    star = evolved(grid, mass, feh, age)
    main = np.asarray(star.valid & (star.eep > 203))
    got = found(grid, star.teff, star.logg, feh)
    near = np.abs(np.asarray(got.mass) / np.asarray(mass)[:, None] - 1)
    near = np.nanmin(np.where(np.asarray(got.valid), near, np.inf), axis=1)
    # Two solutions closer than a triangle of the map may be seen as one, near the hook.
    assert (near[main] < 1e-9).mean() >= 0.95
    assert got.complete.mean() > 0.95  # a star in 60 is at a tangle of more than four
    # Each of the solutions is a star of this temperature and gravity.
    for k in range(got.mass.shape[1]):
        ok = np.asarray(got.valid[:, k])
        again = evolved(grid, got.mass[ok, k], feh[ok], got.age_gyr[ok, k])
        np.testing.assert_allclose(again.teff, star.teff[ok], rtol=1e-7)
        np.testing.assert_allclose(again.logg, star.logg[ok], atol=1e-7)


@pytest.mark.slow
def test_shares_add_up_and_solutions_are_in_order(x64):
    grid, (mass, feh, age) = tracks(), _stars(64, 3)
    star = evolved(grid, mass, feh, age)
    got = found(grid, star.teff, star.logg, feh)
    some = np.asarray(got.n_solutions) > 0
    np.testing.assert_allclose(np.asarray(got.weight.sum(axis=1))[some], 1.0, rtol=1e-10)
    eep = np.where(got.valid, got.eep, 1e9)
    assert (np.diff(eep, axis=1)[np.asarray(got.valid[:, 1:])] > 0).all()
    assert (np.asarray(got.n_solutions) > 1).any()  # the hook is in the sample


def test_off_the_tracks_there_is_none(x64):
    teff = jnp.asarray([5772.0, 5772.0, 60000.0, 5772.0, 0.0, np.nan])
    logg = jnp.asarray([6.5, 4.4, 4.4, -1.0, 4.4, 4.4])
    feh = jnp.asarray([0.0, 0.9, 0.0, 0.0, 0.0, 0.0])
    got = found(tracks(), teff, logg, feh)
    assert (got.n_solutions == 0).all() and np.isnan(got.mass).all() and (got.weight == 0).all()


def test_the_sun(x64):
    got = found(tracks(), jnp.asarray([5772.0]), jnp.asarray([4.438]), jnp.asarray([0.05]))
    assert int(got.n_solutions[0]) == 1
    assert float(got.mass[0, 0]) == pytest.approx(1.0, abs=0.005)
    assert float(got.age_gyr[0, 0]) == pytest.approx(4.57, abs=0.1)


@pytest.mark.slow
def test_gradients_are_those_of_finite_differences(x64):
    grid = tracks()

    def outputs(at):
        got = stars_of(grid, at[0], at[1], at[2])
        return jnp.stack([got.mass[0], got.age_gyr[0]])

    at, run = np.array([5772.0, 4.4, 0.05]), jax.jit(outputs)
    slope = jax.jit(jax.jacfwd(outputs))(jnp.asarray(at))
    for k, h in enumerate((1e-2, 1e-5, 1e-5)):
        step = np.zeros(3)
        step[k] = h
        difference = (run(jnp.asarray(at + step)) - run(jnp.asarray(at - step))) / (2 * h)
        np.testing.assert_allclose(slope[:, k], difference, rtol=1e-4)
