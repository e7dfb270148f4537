"""Orbits against an independent solver: places, velocities, conventions, precision over years."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from dynamojax.planets.orbit import planet_positions, reflex_velocity
from dynamojax.system import Epochs, Planets, Star
from tests.oracles.transit_orbit import orbit

_PLACES, _VELOCITY = jax.jit(planet_positions), jax.jit(reflex_velocity)
STAR = {"mass": 0.9, "radius": 0.8}


def _random_planets(n, seed=1):
    rng = np.random.default_rng(seed)
    return Planets(
        radius_ratio=np.full(n, 0.1),
        mass=rng.uniform(0, 0.01, n),
        period=rng.uniform(0.3, 400, n),
        t_transit=rng.uniform(-3, 500, n),
        inc=rng.uniform(1.3, 1.7, n),
        ecc=np.append(0.0, rng.uniform(0, 0.95, n - 1)),
        omega=rng.uniform(-7, 7, n),
        obliquity=rng.uniform(-4, 4, n),
    )


def _oracle(star, planets, epochs):
    """The oracle at the rounded parameters and times."""
    t = np.asarray(epochs.day, float) + np.asarray(epochs.fraction, float)
    names = ("mass", "period", "t_transit", "inc", "ecc", "omega", "obliquity")
    values = np.array([np.asarray(getattr(planets, name), float) for name in names]).T
    results = [orbit(t, float(star.mass), float(star.radius), *row) for row in values]
    return np.swapaxes([r[0] for r in results], 1, 2), sum(r[1] for r in results)


# Relative to the distance; float32 keeps 1e-5 at ecc near 1 (5e-6 measured), and 1e-5 stellar radii in
# transit after four years (2e-6 measured): 0.1 ppm on the steepest ingress of a planet of ratio 0.1.
@pytest.mark.parametrize(("precision", "tolerance", "in_transit"), [(64, 1e-11, 1e-10), (32, 1e-5, 1e-5)])
def test_places_and_velocities(precision, tolerance, in_transit):
    with jax.enable_x64(precision == 64):
        star, planets = Star.from_degrees(**STAR), _random_planets(100)
        epochs = Epochs.from_days(np.sort(np.random.default_rng(0).uniform(0, 1460, 400)))
        got = np.stack(_PLACES(star, planets, epochs), -1).astype(float)
        velocity = np.asarray(_VELOCITY(star, planets, epochs), float)
        place, speed = _oracle(star, planets, epochs)
    error = np.abs(got - place)
    scale = np.linalg.norm(place, axis=-1, keepdims=True).max(axis=1, keepdims=True)
    assert (error / scale).max() < tolerance
    near = (np.hypot(place[..., 0], place[..., 1]) < 2) & (place[..., 2] > 0)
    assert near.sum() > 20
    assert error[near][:, :2].max() < in_transit
    np.testing.assert_allclose(velocity, speed, atol=tolerance * np.abs(speed).max())


def _single(**kwargs):
    given = {"radius_earth": 10.0, "star_radius": 1.0, "period": 10.0, "inc_deg": 89.0} | kwargs
    return Planets.from_degrees(**given)


def test_conventions(x64):
    star, epochs = Star.from_degrees(), Epochs.from_days([-0.1, 0.0, 0.1, 2.5, 5.0, 7.5])
    x, y, z = (q[0] for q in _PLACES(star, _single(), epochs))
    assert x[0] < 0 < x[2] and abs(x[1]) < 1e-12  # from the approaching limb to the receding one
    assert y[1] < 0 < z[1] and z[4] < 0  # inclined as a point of the star's equator is
    velocity = _VELOCITY(star, _single(mass_earth=300.0), epochs)
    assert velocity[3] < 0 < velocity[5]  # after the transit the planet recedes, the star approaches
    # An orbit normal 90 deg counterclockwise of the spin axis moves the planet from -y to +y.
    x, y, z = (q[0] for q in _PLACES(star, _single(obliquity_deg=90.0), epochs))
    assert y[0] < 0 < y[2] and x[1] > 0


def test_jupiter_moves_the_sun_by_12_5_m_s(x64):
    # 12.46 m/s from the nominal masses and 4332.6 d, ecc 0.0489 (JPL elements): K of a textbook.
    jupiter = _single(mass_earth=317.83, period=4332.6, ecc=0.0489, inc_deg=90.0, omega_deg=14.0)
    velocity = 1e3 * _VELOCITY(Star.from_degrees(), jupiter, Epochs.from_days(np.arange(0, 4333, 5.0)))
    assert 0.5 * (velocity.max() - velocity.min()) == pytest.approx(12.47, abs=0.05)


def test_empty_places_add_nothing(x64):
    star, epochs = Star.from_degrees(), Epochs.from_days(np.linspace(0, 9, 7))
    empty = Planets.empty(3)
    assert not np.any(_VELOCITY(star, empty, epochs))
    slope = jax.jit(jax.grad(lambda p: reflex_velocity(star, p, epochs).sum()))(empty)
    assert all(not np.any(leaf) for leaf in jax.tree.leaves(slope))


@jax.jit
def _observed(star, planets, epochs):
    return (*planet_positions(star, planets, epochs), reflex_velocity(star, planets, epochs))


@pytest.mark.parametrize("ecc", [1e-3, 0.4, 0.9])
def test_gradients(x64, ecc):
    star, epochs = Star.from_degrees(**STAR), Epochs.from_days([0.1, 3.3, 11.7])
    planets = _single(ecc=ecc, omega_deg=40.0, mass_earth=30.0, obliquity_deg=20.0, t_transit=1.3)

    def observed(*given):
        names = ("period", "ecc", "omega", "t_transit", "inc", "mass", "obliquity")
        return _observed(star, dataclasses.replace(planets, **dict(zip(names, given, strict=True))), epochs)

    p = planets
    given = (p.period, p.ecc, p.omega, p.t_transit, p.inc, p.mass, p.obliquity)
    check_grads(observed, given, order=1, modes=("fwd", "rev"), eps=1e-6, rtol=1e-5, atol=1e-5)


def test_a_circle_is_the_limit_of_ellipses(precision):
    """Value and slope in the eccentricity at ecc = 0, where difference quotients have one side."""
    star, epochs = Star.from_degrees(**STAR), Epochs.from_days([0.1, 3.3, 11.7])
    slope = jax.jit(jax.jacfwd(_observed, argnums=1))
    at, near = (slope(star, _single(ecc=ecc, mass_earth=30.0), epochs) for ecc in (0.0, 1e-5))
    for circle, ellipse in zip(jax.tree.leaves(at), jax.tree.leaves(near), strict=True):
        np.testing.assert_allclose(circle, ellipse, rtol=1e-3, atol=1e-3)


def test_shapes_under_vmap(precision):
    star = jax.tree.map(lambda q: jnp.broadcast_to(q, 3), Star.from_degrees())
    planets = jax.tree.map(lambda q: jnp.broadcast_to(q, (3, 1)), _single())
    epochs = Epochs.from_days([0.0, 1.0])
    x, _, _ = jax.jit(jax.vmap(planet_positions, (0, 0, None)))(star, planets, epochs)
    assert x.shape == (3, 1, 2) and x.dtype == star.mass.dtype


def test_nonsense_is_nan_for_its_own_planet(x64):
    planets = jax.tree.map(lambda *q: jnp.concatenate(q), _single(ecc=1.2), _single())
    x, _, _ = _PLACES(Star.from_degrees(), planets, Epochs.from_days([0.0, 1.0]))
    assert np.all(np.isnan(x[0])) and np.all(np.isfinite(x[1]))
