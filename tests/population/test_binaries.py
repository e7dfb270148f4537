"""Two stars as one: orbits, eclipses of one by the other, light and spectra added."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynamojax as dj
from dynamojax.planets.orbit import planet_positions, reflex_velocity
from dynamojax.population.binaries import (
    Orbit,
    companion_share,
    conjunctions_apart,
    eclipsing_binaries,
    is_eclipsing,
    kepler_binaries,
    occulters,
)
from dynamojax.population.combined_light import combined_light, observe
from dynamojax.population.distributions import LogUniform
from dynamojax.population.rotation import DrawnRotation
from dynamojax.population.sampling import sample_population

PERIOD = 5.0


def _orbit(**changes):
    values = dict(
        exists=True,
        mass=0.7,
        period=PERIOD,
        ecc=0.3,
        omega=0.8,
        t_conjunction=1.3,
        inc=np.pi / 2,
        is_close=False,
    )
    return Orbit(**{name: jnp.asarray(x) for name, x in (values | changes).items()})


STAR = dj.Star.from_degrees(mass=1.0, radius=1.0, spot_contrast=0.0)
OTHER = dj.Star.from_degrees(teff=4500.0, logg=4.6, mass=0.7, radius=0.7, spot_contrast=0.0)


def test_both_stars_move_about_one_point():
    first, second = occulters(_orbit(), STAR, OTHER, jnp.asarray(0.0))
    epochs = dj.Epochs.from_days(np.linspace(0.0, 2 * PERIOD, 400))
    x1, y1, z1 = (np.asarray(p[0]) * 1.0 for p in planet_positions(STAR, first, epochs))
    x2, y2, z2 = (np.asarray(p[0]) * 0.7 for p in planet_positions(OTHER, second, epochs))
    # seen from either star the other lies in the opposite direction; single precision of an orbit of 15 radii
    np.testing.assert_allclose(np.stack([x1, y1, z1]), -np.stack([x2, y2, z2]), atol=2e-3)
    v1, v2 = reflex_velocity(STAR, first, epochs), reflex_velocity(OTHER, second, epochs)
    np.testing.assert_allclose(np.asarray(v1) * 1.0, -np.asarray(v2) * 0.7, atol=2e-3)


@pytest.mark.parametrize(
    ("ecc", "omega", "share"), [(0.0, 1.0, 0.5), (0.5, np.pi / 2, 0.5), (0.5, 0.0, None)]
)
def test_time_between_conjunctions(ecc, omega, share):
    if share is None:  # periastron across the line of sight: by Kepler's law, in plain NumPy
        e = 2 * np.arctan(np.sqrt((1 - ecc) / (1 + ecc)))
        share = 1.0 - 2 * (e - ecc * np.sin(e)) / (2 * np.pi)
        share = max(share, 1 - share)
    apart = float(conjunctions_apart(*(jnp.asarray(v) for v in (PERIOD, ecc, omega))))
    assert apart / PERIOD == pytest.approx(share, abs=1e-5)


def test_discs_that_meet():
    assert bool(is_eclipsing(_orbit(), STAR, OTHER))
    assert not bool(is_eclipsing(_orbit(inc=0.5), STAR, OTHER))
    assert not bool(is_eclipsing(_orbit(exists=False), STAR, OTHER))


@pytest.mark.parametrize(("mass", "share"), [(0.1, 0.22), (1.0, 0.44), (3.0, 0.50)])
def test_share_of_companions(mass, share):
    assert float(companion_share(jnp.asarray(mass))) == pytest.approx(share, rel=1e-5)


@pytest.fixture(scope="module")
def eclipse():
    """Both stars of an edge-on, circular pair, its light, and the times of the two conjunctions."""
    orbit = _orbit(ecc=0.0, t_conjunction=1.0)
    first, second = occulters(orbit, STAR, OTHER, jnp.asarray(0.0))
    times = np.array([0.0, 1.0, 1.0 + PERIOD / 2])
    simulate = dj.Simulator(dj.load_grid(), [dj.Photometer("kepler", ("kepler", "2mass_j"), times)])
    one, two = (
        simulate(dj.System(star, dj.SpotMap.empty(0), planets))
        for star, planets in ((STAR, first), (OTHER, second))
    )
    return one, two, combined_light(one, two, jnp.asarray(True), jnp.asarray(0.49)).light_curves["kepler"]


def test_depths_of_both_eclipses(eclipse):
    one, two, both = eclipse
    a, b = (np.asarray(o.light_curves["kepler"].baseline) for o in (one, two))
    flux = np.asarray(both.flux)
    np.testing.assert_allclose(flux[:, 0], 1.0, atol=1e-5)
    # The small cool star hides 0.49 of the disc, its centre: more than its share of a darkened limb.
    assert np.all(flux[:, 1] < 1 - 0.49 * a / (a + b))
    assert np.all(flux[:, 1] > 1 - 0.62 * a / (a + b))
    # Half an orbit later it is hidden altogether.
    np.testing.assert_allclose(flux[:, 2], a / (a + b), rtol=1e-5)
    np.testing.assert_allclose(both.baseline, a + b, rtol=1e-6)


def test_cool_companions_weigh_more_in_the_infrared(eclipse):
    one, two, _ = eclipse
    ratio = np.asarray(two.light_curves["kepler"].baseline) / np.asarray(one.light_curves["kepler"].baseline)
    assert ratio[1] > 1.5 * ratio[0]


def test_without_a_companion_nothing_is_added(eclipse):
    one, two, _ = eclipse
    alone = combined_light(one, two, jnp.asarray(False), jnp.asarray(0.49))
    for x, y in zip(jax.tree.leaves(alone), jax.tree.leaves(one), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-6)


def test_spots_are_diluted():
    spots = dj.SpotMap.from_degrees([10.0], [0.0], [10.0])
    star = dataclasses.replace(STAR, spot_contrast=jnp.asarray(1500.0))
    simulate = dj.Simulator(dj.load_grid(), [dj.Photometer("kepler", ("kepler",), np.array([0.0]))])
    one = simulate(dj.System(star, spots, dj.Planets.empty(0)))
    two = simulate(dj.System(star, dj.SpotMap.empty(1), dj.Planets.empty(0)))
    both = combined_light(one, two, jnp.asarray(True), jnp.asarray(1.0)).light_curves["kepler"]
    assert float(1 - both.flux[0, 0]) == pytest.approx(
        0.5 * float(1 - one.light_curves["kepler"].flux[0, 0]), rel=1e-4
    )
    assert float(both.spot_fraction[0]) == pytest.approx(
        0.5 * float(one.light_curves["kepler"].spot_fraction[0]), rel=1e-5
    )


@pytest.fixture(scope="module")
def population():
    return sample_population(jax.random.key(4), 512, _prior(kepler_binaries()))


def _prior(binaries):
    """Periods from a distribution: the wind's law takes long to compile."""
    prior = dj.Prior.kepler(n_spots=60, binaries=binaries)
    return dataclasses.replace(prior, rotation=DrawnRotation(LogUniform(2.0, 40.0)))


@pytest.mark.slow
def test_population_of_binaries(population):
    labels = {name: np.asarray(x) for name, x in population.labels.items()}
    pairs = labels["is_binary"] & np.asarray(population.valid)
    assert np.mean(population.valid) > 0.98
    assert 0.25 < pairs.mean() < 0.5  # 22 to 50 % by mass, less brown dwarfs
    assert np.all(labels["mass_ratio"][pairs] <= 1.001)
    star, other = population.system.star, population.companion.star
    close = pairs & (labels["binary_period"] < 10.0)
    assert close.sum() > 3
    for name in ("prot", "inc"):
        np.testing.assert_allclose(
            np.asarray(getattr(star, name))[close], np.asarray(getattr(other, name))[close]
        )
    np.testing.assert_allclose(np.asarray(star.prot)[close], labels["binary_period"][close], rtol=1e-6)
    np.testing.assert_allclose(star.distance, other.distance)
    # the pull is opposite, in proportion to the masses
    moving = pairs & (np.abs(np.asarray(star.rv)) > 0.5)
    np.testing.assert_allclose(
        (np.asarray(star.rv) * star.mass)[moving], -(np.asarray(other.rv) * other.mass)[moving], rtol=2e-3
    )
    assert np.all(np.asarray(star.rv)[~labels["is_binary"]] == 0)


def test_magnitude_is_that_of_both(population):
    labels = {name: np.asarray(x) for name, x in population.labels.items()}
    grid = dj.load_grid().select(("kepler",))
    simulate = dj.Simulator(grid, [dj.Photometer("kepler", ("kepler",), np.array([0.0]))])
    pick = np.flatnonzero(labels["is_blended"] & (labels["flux_ratio"] > 0.3))[:4]
    few = jax.tree.map(lambda x: x[pick], population)
    few = dataclasses.replace(few, system=_bare(few.system), companion=_bare(few.companion))
    both = jax.vmap(lambda s: observe(simulate, s))(few).light_curves["kepler"]
    found = -2.5 * np.log10(np.asarray(both.baseline)[:, 0] / np.asarray(grid.ab_zero_point)[0])
    # corrections of dwarfs at one gravity and composition, and one factor for extinction
    np.testing.assert_allclose(found, labels["kepler_mag"][pick], atol=0.2)


def _bare(system):
    """The same stars without spots."""
    n = system.star.teff.shape[0]
    spots, planets = dj.SpotMap.empty(0), dj.Planets.empty(0)
    empty = jax.tree.map(lambda x: jnp.broadcast_to(x, (n, *x.shape)), (spots, planets))
    return dj.System(system.star, *empty)


@pytest.mark.slow
def test_every_star_can_eclipse():
    stars = sample_population(jax.random.key(4), 16, _prior(eclipsing_binaries()))
    pairs = np.asarray(stars.labels["is_binary"])
    assert pairs.mean() > 0.7  # the rest have companions below the tracks
    assert np.array_equal(pairs, np.asarray(stars.labels["is_eclipsing"]))
    assert stars.system.planets.n_planets == stars.companion.planets.n_planets == 1
    ratio = np.asarray(stars.system.planets.radius_ratio * stars.companion.planets.radius_ratio)[:, 0]
    np.testing.assert_allclose(ratio[pairs], 1.0, rtol=1e-5)
    assert np.all(ratio[~pairs] == 0)
