"""Masses, places, rotation and spots, each against its formula, its source or a simulation."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

import dynamojax as dj
from dynamojax.population.activity import (
    darkness,
    kepler_spots,
    lifetime_giles,
    sph_of_all,
    spot_area_for,
)
from dynamojax.population.ages import kepler_ages, one_by_light
from dynamojax.population.distributions import Fixed
from dynamojax.population.masses import kepler_masses, kroupa_masses
from dynamojax.population.rotation import kepler_rotation, kepler_shear, turnover_held
from dynamojax.population.sight import (
    Dust,
    distance_of,
    kepler_dust,
    kepler_magnitude,
    kepler_magnitudes,
    kepler_sight,
)
from dynamojax.surface.activity import Emergence


@pytest.fixture(scope="module")
def tracks():
    return dj.load_tracks()


def test_kroupa_masses():
    """Shares below and above the break, by integrals of the published law."""
    below = integrate.quad(lambda m: m**-1.3, 0.1, 0.5)[0]
    above = integrate.quad(lambda m: 0.5 * m**-2.3, 0.5, 1.7)[0]
    u = jnp.linspace(0.0, 1.0, 2001)
    share = np.mean(np.asarray(jax.vmap(kroupa_masses().quantile)(u)) < 0.5)
    assert share == pytest.approx(below / (below + above), abs=1e-3)


def test_kroupa_range():
    with pytest.raises(ValueError, match="low = 0.6"):
        kroupa_masses(0.6, 1.0)


def test_kepler_masses_are_mostly_solar():
    u = jnp.linspace(0.0, 1.0, 1001)
    mass = np.asarray(jax.vmap(kepler_masses().quantile)(u))
    assert 0.8 < np.median(mass) < 1.05
    assert mass.min() >= 0.1
    assert mass.max() <= 1.7001


def test_young_stars_are_rare():
    """Half of what steady star formation leaves below 1 Gyr; the youngest a quarter of those of 3 Gyr."""
    ages = kepler_ages()
    age = np.asarray(jax.vmap(ages.quantile)(jnp.linspace(0.0, 1.0, 20001)))
    assert age.min() >= 0.1
    assert age.max() <= 10.001
    assert 0.4 * 0.09 < np.mean(age < 1.0) < 0.6 * 0.1
    density = np.asarray(ages.weights)
    assert density[9] / density[0] == pytest.approx(3.5, abs=0.5)


def test_luminous_ages_are_seen_rather():
    """Shares of draws by L^1.5; a star without light is never drawn, and if there is none, any number is."""
    light = jnp.asarray([1.0, np.nan, 4.0])
    keys = jax.random.split(jax.random.key(5), 4000)

    def drawn(light, power):
        return np.asarray(jax.vmap(lambda k: one_by_light(light, power, key=k))(keys))

    number = drawn(light, jnp.asarray(1.5))
    assert not np.any(number == 1)
    # binomial: four standard deviations of 4000 draws with p = 8/9
    assert np.mean(number == 2) == pytest.approx(8 / 9, abs=0.02)
    assert np.mean(drawn(light, jnp.asarray(0.0)) == 2) == pytest.approx(0.5, abs=0.032)
    assert set(drawn(jnp.full(3, np.nan), jnp.asarray(1.0))) <= {0, 1, 2}


def test_faint_stars_are_seen_at_faint_magnitudes():
    """Medians of the catalogue: 13.7 for an absolute magnitude of 3.5, 15.4 for 7; held beyond the rows."""
    table = kepler_magnitudes()
    medians = [float(table.at(jnp.asarray(m)).quantile(jnp.asarray(0.5))) for m in (1.0, 2.5, 3.5, 7.0, 12.0)]
    assert medians[0] == medians[1]
    assert medians[2:4] == pytest.approx([13.7, 15.4], abs=0.1)
    assert medians[3] < medians[4] < 16.0


@pytest.mark.parametrize("latitude_deg", [0.0, 0.001, 13.0, 90.0])
def test_dust_by_quadrature(latitude_deg):
    dust = Dust(0.7, 120.0)
    b = np.deg2rad(latitude_deg)
    wanted = integrate.quad(lambda d: 0.7e-3 * np.exp(-d * np.sin(b) / 120.0), 0.0, 800.0)[0]
    assert float(dust.av(jnp.asarray(800.0), jnp.asarray(b))) == pytest.approx(wanted, rel=2e-4)


@pytest.mark.parametrize("modulus", [0.0, 5.0, 12.0, 16.0])
def test_distance_dims_the_star_as_wanted(modulus):
    dust, latitude = kepler_dust(), jnp.asarray(0.2)
    distance = distance_of(jnp.asarray(modulus), latitude, dust)
    dimmed = 5 * np.log10(float(distance) / 10) + 0.86 * float(dust.av(distance, latitude))
    assert dimmed == pytest.approx(modulus, abs=2e-5)


@pytest.mark.parametrize("teff", [3500.0, 4800.0, 5772.0, 6500.0])
def test_magnitudes_are_those_of_the_simulator(teff):
    star = dj.Star.from_degrees(teff=teff, logg=4.5, distance=10.0, spot_contrast=0.0)
    grid = dj.load_grid().select(("kepler",))
    simulate = dj.Simulator(grid, [dj.Photometer("kepler", ("kepler",), np.array([0.0]))])
    obs = simulate(dj.System(star, dj.SpotMap.empty(0), dj.Planets.empty(0)))
    found = dj.magnitude(obs.light_curves["kepler"].baseline, grid.ab_zero_point)
    ours, valid = kepler_magnitude(jnp.asarray((teff / 5772.0) ** 4), jnp.asarray(teff))
    assert bool(valid)
    assert float(ours) == pytest.approx(float(found[0]), abs=0.05)  # other gravities than the table's


def test_place_is_consistent():
    keys = jax.random.split(jax.random.key(1), 500)
    places = jax.vmap(lambda k: kepler_sight()(jnp.asarray(4.6), key=k))(keys)
    modulus = np.asarray(places.magnitude) - 4.6
    dimmed = 5 * np.log10(np.asarray(places.distance) / 10) + 0.86 * np.asarray(places.av)
    np.testing.assert_allclose(dimmed, modulus, atol=1e-4)
    assert np.all(np.asarray(places.av) >= 0)


@pytest.mark.parametrize(("mass", "age"), [(0.7, 2.0), (1.0, 4.57)])
@pytest.mark.slow
def test_rotation_is_the_wind_law(tracks, mass, age):
    rotation = dataclasses.replace(kepler_rotation().wind, start=Fixed(8.0))
    mass, feh, age = (jnp.asarray(x) for x in (mass, 0.0, age))
    state = dj.evolve(tracks, mass, feh, age)
    spin = rotation(tracks, mass, feh, age, state, key=jax.random.key(0))
    law = dj.prot_braked(tracks, mass, feh, age, prot_start=8.0)
    assert bool(spin.by_law)
    # 16 steps of the integration in place of 48
    assert float(spin.prot) == pytest.approx(float(law.prot), rel=5e-3)


def test_rotation_follows_clusters(tracks):
    """From the reference start: the published sequence at 2.5 Gyr, and beyond 4 Gyr the law's growth."""
    rotation = kepler_rotation()
    rotation = dataclasses.replace(rotation, wind=dataclasses.replace(rotation.wind, start=Fixed(8.0)))
    mass, feh = jnp.asarray(0.72), jnp.asarray(0.0)

    @jax.jit
    def at(age):
        state = dj.evolve(tracks, mass, feh, age)
        return state, rotation(tracks, mass, feh, state.age_gyr, state, key=jax.random.key(0)).prot

    state, prot = at(2.5)
    assert float(prot) == pytest.approx(float(dj.prot_clusters(state.age_gyr, state.teff).prot), rel=1e-3)
    law = jax.jit(lambda age: dj.prot_braked(tracks, mass, feh, age, prot_start=8.0).prot)
    laws = [law(age) for age in (4.0, 7.0)]
    # 16 steps of the integration in place of 48
    assert float(at(7.0)[1] / at(4.0)[1]) == pytest.approx(float(laws[1] / laws[0]), rel=5e-3)


@pytest.mark.slow
def test_subgiants_keep_their_angular_momentum(tracks):
    """A star of 1.1 M_sun beyond the main sequence turns slower as its radius squared."""
    wind = kepler_rotation().wind
    mass, feh = jnp.asarray(1.1), jnp.asarray(0.0)
    grown = jax.jit(jax.vmap(lambda age: dj.evolve(tracks, mass, feh, age)))(jnp.linspace(5.0, 9.0, 41))
    rotation = jax.jit(lambda s, key: wind(tracks, mass, feh, s.age_gyr, s, key=key))
    subgiants = np.flatnonzero((np.asarray(grown.logg) < 4.1) & (np.asarray(grown.logg) > 3.6))
    states = [jax.tree.map(lambda x, i=i: x[i], grown) for i in (subgiants[0], subgiants[-1])]
    spins = [rotation(s, jax.random.key(0)) for s in states]
    assert all(bool(s.by_law) for s in spins)
    ratio = float(spins[1].prot / spins[0].prot)
    # the age at which it left is found to 0.5 %
    assert ratio == pytest.approx(float((states[1].radius / states[0].radius) ** 2), rel=0.02)


def test_masses_without_a_law_say_so(tracks):
    feh, age = jnp.asarray(0.0), jnp.asarray(1.0)

    def spin(mass):
        state = dj.evolve(tracks, mass, feh, age)
        return kepler_rotation()(tracks, mass, feh, age, state, key=jax.random.key(0))

    found = jax.jit(jax.vmap(spin))(jnp.asarray([0.2, 1.45]))
    assert not np.any(found.by_law)
    assert np.all((found.prot >= 0.3) & (found.prot <= 150.0))


def test_turnover_is_held_beyond_its_range():
    assert float(turnover_held(jnp.asarray(2800.0))) == float(turnover_held(jnp.asarray(3300.0)))
    assert np.isfinite(float(turnover_held(jnp.asarray(8000.0))))


def test_shear_is_a_rate_and_bounded():
    shear = jax.vmap(lambda k, p: kepler_shear()(p, key=k), (0, None))
    keys = jax.random.split(jax.random.key(2), 2000)
    slow, fast = (np.asarray(shear(keys, jnp.asarray(p))) for p in (1e5, 5.0))
    assert np.allclose(slow, 0.5, atol=1e-4)
    rate = np.log10(fast * 2 * np.pi / 5.0)
    assert stats.kstest(rate, stats.norm(np.log10(0.05), 0.25).cdf).pvalue > 1e-3


def test_the_sun_is_as_quiet_as_it_is():
    # The solar cycle's mean S_ph is 166 ppm (Mathur et al. 2014); the relation of detected stars gives 2.2
    # times it.
    sun = (jnp.asarray(x) for x in (1.97, 5772.0, 0.33))
    assert float(sph_of_all(*sun)) == pytest.approx(166.0, rel=0.1)


@pytest.mark.parametrize(
    ("sph", "teff", "days"),
    # by hand from equation 8 of Giles et al. (2017)
    [(1e4, 5777.0, 64.0), (1e4, 4000.0, 106.0), (1e3, 5777.0, 21.0), (10.0, 5777.0, 21.0)],
)
def test_lifetimes(sph, teff, days):
    assert float(lifetime_giles(jnp.asarray(sph), jnp.asarray(teff))) == pytest.approx(days, rel=0.03)


def test_darkness_by_plancks_law():
    h, c, k = 6.62607015e-34, 299792458.0, 1.380649e-23

    def planck(t):
        return 1 / np.expm1(h * c / (640e-9 * k * t))

    wanted = 1 - planck(4200.0) / planck(5700.0)
    assert float(darkness(jnp.asarray(5700.0), jnp.asarray(1500.0))) == pytest.approx(wanted, rel=1e-4)


@pytest.mark.slow
def test_spots_vary_the_light_as_they_are_meant_to():
    """S_ph^2 of simulated light curves, over the one aimed at: the mean over stars is 1."""
    emergence = Emergence(n_spots=150, n_sizes=3, modulation="uniform")
    times = np.arange(0.0, 200.0, 0.5)
    simulate = dj.Simulator(dj.load_grid(), [dj.Photometer("kepler", ("kepler",), times)])
    spots = dataclasses.replace(kepler_spots(), alive=Fixed(3.0))

    def one(key):
        keys = jax.random.split(key, 3)
        inc = jnp.arccos(jax.random.uniform(keys[0]))
        args = (jnp.asarray(5500.0), jnp.asarray(10.0), jnp.asarray(0.7), jnp.asarray(1.0), emergence)
        spotted = spots(*args, key=keys[1])
        star = dj.Star.from_degrees(teff=5500.0, logg=4.5, prot=10.0, spot_contrast=0.0)
        star = dataclasses.replace(star, inc=inc, spot_contrast=spotted.spot_contrast)
        decay = spotted.activity.tau_decay
        drawn = dj.emerge_spots(star, spotted.activity, emergence, -2 * decay, 200.0 + decay, key=keys[2])
        flux = simulate(dj.System(star, drawn, dj.Planets.empty(0))).light_curves["kepler"].flux[0]
        parts = flux.reshape(4, 100)  # five periods each
        return jnp.mean(jnp.var(parts, axis=1)) / (1e-6 * spotted.sph) ** 2

    ratio = np.asarray(jax.jit(lambda k: jax.lax.map(one, k))(jax.random.split(jax.random.key(7), 300)))
    assert np.all(np.isfinite(ratio))
    error = np.std(ratio) / np.sqrt(ratio.size)
    # The one number of the formula is for all latitudes and axes; 20 % in variance is 10 % in amplitude.
    assert np.mean(ratio) == pytest.approx(1.0, abs=0.2 + 2 * error)


def test_area_grows_with_amplitude_and_shrinks_with_number():
    emergence = Emergence(n_sizes=1)
    few, many = (float(spot_area_for(1000.0, 0.7, jnp.asarray(n), emergence)) for n in (1.0, 4.0))
    assert few == pytest.approx(2 * many, rel=1e-5)
    assert float(spot_area_for(2000.0, 0.7, jnp.asarray(1.0), emergence)) == pytest.approx(2 * few, rel=1e-5)
