"""Velocities of the simulator: those of the series, averaged over exposures in the light."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynamojax as dj

TIMES = np.linspace(0.0, 6.0, 25)
METER = dj.Photometer("rv", ("johnson_v", "johnson_b"), TIMES, exposure=0.2, n_sub=3, n_sub_spots=3)


@pytest.fixture(scope="module")
def grid():
    return dj.load_grid()


def _system():
    star = dj.Star.from_degrees(prot=6.0, inc_deg=70, rv=12.0)
    spots = dj.SpotMap.from_degrees([20, -35], [0, 140], [9, 6], t_max=3.0, tau_emerge=5.0, tau_decay=9.0)
    planets = dj.Planets.from_degrees(
        radius_earth=11.0, star_radius=1.0, period=3.1, t_transit=1.0, mass_earth=300.0
    )
    return dj.System(star, spots, planets)


@pytest.mark.slow
def test_mean_of_the_light_over_an_exposure(grid, x64):
    system = _system()
    simulate = dj.Simulator(grid, [dj.kepler(days=6)], velocimeters=[METER])
    seen = simulate(system)
    got = seen.velocities["rv"]
    assert got.total.shape == (2, 25) and bool(seen.valid) and set(seen.light_curves) == {"kepler"}
    offsets, weights = METER.sub_exposures(3)
    alone = dj.Simulator(grid, [METER])
    bands = alone.polynomials(system)
    light, momentum = 0.0, 0.0
    for offset, weight in zip(offsets, weights, strict=True):
        at = dj.velocity_series(
            system, dj.Epochs.from_days(TIMES + offset), bands, alone.surface, alone.convection
        )
        light, momentum = light + weight * at.flux, momentum + weight * at.flux * at.total
    np.testing.assert_allclose(got.flux, light, rtol=1e-12)
    # the reflex velocity, 0.1 km/s, is not weighted by the light, which a transit changes by a hundredth
    np.testing.assert_allclose(got.total, momentum / light, rtol=0, atol=2e-4)
    np.testing.assert_allclose(got.flux, alone(system).light_curves["rv"].flux, rtol=0, atol=2e-3)


@pytest.mark.slow
def test_a_bad_star_is_nan_and_the_others_stay(grid):
    simulate = dj.Simulator(grid, velocimeters=[METER])
    good = _system()
    bad = eqx.tree_at(lambda s: s.star.teff, good, jnp.asarray(50000.0))
    both = jax.vmap(simulate)(jax.tree.map(lambda *x: jnp.stack(x), good, bad))
    total = both.velocities["rv"].total
    assert list(both.valid) == [True, False] and np.all(np.isnan(total[1]))
    np.testing.assert_allclose(total[0], simulate(good).velocities["rv"].total, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_gradient_reaches_the_star(grid):
    simulate = dj.Simulator(grid, velocimeters=[METER])
    slopes = jax.grad(lambda s: jnp.sum(simulate(s).velocities["rv"].total ** 2))(_system())
    assert all(bool(jnp.all(jnp.isfinite(x))) for x in jax.tree.leaves(slopes))
    assert float(slopes.star.inc) != 0 and float(jnp.max(jnp.abs(slopes.spots.lat))) > 0


@pytest.mark.slow
def test_an_exposure_without_light_has_no_velocity(grid):
    """One wholly in a total eclipse is NaN and has no slope; of one partly in it only what is lit counts."""
    companion = dj.Planets.from_degrees(
        radius_earth=150.0, star_radius=1.0, period=3.1, t_transit=1.0, inc_deg=90.0
    )
    system = eqx.tree_at(lambda s: s.planets, _system(), companion)
    # dark from 0.021 d before the middle on: the second exposure ends in the dark
    times, width = np.array([0.0, 0.98, 1.0]), 0.02
    meter = dj.Photometer("rv", ("johnson_v",), times, exposure=width, n_sub=3, n_sub_spots=3)
    simulate = dj.Simulator(grid, velocimeters=[meter])

    def lit_total(s):
        got = simulate(s).velocities["rv"]
        return jnp.sum(jnp.where(got.is_lit, got.total, 0) ** 2), got

    (_, got), slopes = jax.value_and_grad(lit_total, has_aux=True)(system)
    assert bool(got.valid)
    np.testing.assert_array_equal(got.is_lit[0], [True, True, False])
    np.testing.assert_array_equal(np.isnan(got.total[0]), [False, False, True])
    assert float(got.flux[0, 2]) == 0
    assert all(bool(jnp.all(jnp.isfinite(x))) for x in jax.tree.leaves(slopes))
    nodes = times[1] + meter.sub_exposures(3)[0]
    at = dj.velocity_series(
        system,
        dj.Epochs.from_days(nodes),
        simulate.polynomials(system),
        simulate.surface,
        simulate.convection,
    )
    assert 0 < int(jnp.sum(at.is_lit)) < 3
    light = meter.sub_exposures(3)[1] * np.asarray(at.flux[0])
    expected = np.nansum(light * np.asarray(at.rotation[0])) / light.sum()
    assert float(got.rotation[0, 1]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
def test_long_before_and_after_its_spots_a_star_is_immaculate(grid):
    times = np.array([-9000.0, -50.0, 90.0, 9000.0])
    meter = dj.Photometer("rv", ("johnson_v",), times, exposure=0.0, n_sub=1, n_sub_spots=1)
    system = eqx.tree_at(lambda s: s.planets, _system(), dj.Planets.empty(1))
    seen = dj.Simulator(grid, velocimeters=[meter])(system)
    assert bool(seen.valid)
    np.testing.assert_allclose(seen.velocities["rv"].total, 12.0, rtol=0, atol=1e-6)


def test_epochs_beyond_what_phases_hold_are_refused(grid):
    meter = dj.Photometer(
        "rv", ("johnson_v",), np.array([0.0, 20000.0]), exposure=0.0, n_sub=1, n_sub_spots=1
    )
    with pytest.raises(ValueError, match=r"rv: times reach 20000.0 day, allowed: within 16384"):
        dj.Simulator(grid, velocimeters=[meter])
    with pytest.raises(ValueError, match=r"lamost: times reach 20000.0 day, allowed: within 16384"):
        dj.Simulator(grid, [], [dj.lamost(times=[20000.0]).within(6500, 6600)])


def test_wrong_use_is_explained(grid):
    with pytest.raises(ValueError, match="each with its own name"):
        dj.Simulator(grid, [METER], velocimeters=[METER])
