"""Planets: the mass-radius relation, the geometry of tilted axes, and what a population of them is like."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from dynamojax.planets.orbit import semi_major_axis
from dynamojax.population.planets import (
    kepler_planets,
    mass_chen_kipping,
    radius_chen_kipping,
    tilted,
)
from dynamojax.population.sampling import transits
from dynamojax.system import Star


def _drawn(systems, n=2000, **star):
    star = Star.from_degrees(**star)
    incs = jnp.arccos(jax.random.uniform(jax.random.key(1), (n,)))

    def one(key, inc):
        return systems(dataclasses.replace(star, inc=inc), jnp.asarray(0.0), key=key)

    planets, inc = jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(2), n), incs)
    return star, planets, inc, incs


@pytest.mark.parametrize(
    ("mass", "radius"),
    # by hand from table 2 of Chen & Kipping (2017), in Earth units
    [(1.0, 1.008), (0.1, 0.530), (17.0, 4.286), (318.0, 13.76)],
)
def test_published_relation(mass, radius):
    assert float(radius_chen_kipping(jnp.asarray(mass))) == pytest.approx(radius, rel=2e-3)


def test_relation_is_inverted():
    mass = jnp.geomspace(0.01, 100.0, 50)
    assert np.allclose(mass_chen_kipping(radius_chen_kipping(mass)), mass, rtol=1e-4)


def test_relation_is_continuous():
    for edge in (2.04, 131.6):
        below, above = (float(radius_chen_kipping(jnp.asarray(edge * (1 + e)))) for e in (-1e-5, 1e-5))
        assert below == pytest.approx(above, rel=1e-4)


def test_tilted_axes_by_vectors():
    rng = np.random.default_rng(3)
    inc, tilt = np.arccos(rng.uniform(-1, 1, (2, 200)))
    azimuth = rng.uniform(0, 2 * np.pi, 200)
    new, angle = jax.vmap(tilted)(jnp.asarray(inc), jnp.asarray(tilt), jnp.asarray(azimuth))
    first = np.stack([0 * inc, np.sin(inc), np.cos(inc)])
    second = np.stack([-np.sin(angle) * np.sin(new), np.cos(angle) * np.sin(new), np.cos(new)])
    # the angle between the two axes is the tilt, whatever the azimuth
    assert np.allclose(np.sum(first * second, axis=0), np.cos(tilt), atol=1e-5)


def test_a_tilted_isotropic_axis_is_isotropic():
    n = 4000
    inc = jnp.arccos(jax.random.uniform(jax.random.key(0), (n,), minval=-1.0))
    azimuth = jax.random.uniform(jax.random.key(1), (n,), maxval=2 * np.pi)
    new, _ = jax.vmap(tilted, (0, None, 0))(inc, jnp.asarray(0.7), azimuth)
    assert stats.kstest(np.cos(np.asarray(new)), stats.uniform(-1, 2).cdf).pvalue > 1e-3


def test_number_of_planets():
    systems = kepler_planets(8)
    _, planets, inc, incs = _drawn(systems)
    number = np.sum(np.asarray(planets.radius_ratio) > 0, axis=1)
    # 2000 stars: three standard errors of a share of 0.30, and of a Poisson mean of 1 + 2
    assert np.mean(number > 0) == pytest.approx(0.30, abs=0.035)
    assert np.mean(number[number > 0]) == pytest.approx(3.0, abs=0.2)
    assert np.allclose(inc, incs)


def test_orbits_keep_clear_of_the_star_and_in_order():
    star, planets, _, _ = _drawn(kepler_planets(4))
    exists = np.asarray(planets.radius_ratio) > 0
    axis = np.asarray(semi_major_axis(star.mass + planets.mass, planets.period)) / float(star.radius)
    assert np.all((axis * (1 - np.asarray(planets.ecc)))[exists] > 1.0)
    assert np.all(np.diff(np.asarray(planets.period), axis=1) > 0)


def test_transiting_systems_transit():
    star, planets, inc, _ = _drawn(kepler_planets(2, transiting=True), n=500)
    axis = semi_major_axis(star.mass + planets.mass, planets.period) / star.radius
    exists = np.asarray(planets.radius_ratio)[:, 0] > 0
    crosses = np.asarray(jax.vmap(transits, (None, 0))(star, planets))[:, 0]
    assert np.mean(exists) > 0.98  # but for those whose orbit would touch the star
    assert np.all(crosses[exists])
    assert np.ptp(np.asarray(inc)) > 0.5  # and the spins follow the orbits, misaligned ones too
    ecc, omega = np.asarray(planets.ecc), np.asarray(planets.omega)
    b = (np.cos(np.asarray(planets.inc)) * np.asarray(axis) * (1 - ecc**2) / (1 + ecc * np.sin(omega)))[:, 0]
    assert stats.kstest(b[exists], stats.uniform(0, 1).cdf).pvalue > 1e-3


def test_no_places_is_an_error():
    with pytest.raises(ValueError, match="n_planets = 0"):
        kepler_planets(0)
