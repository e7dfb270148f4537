"""Velocity series against quadrature, transits with known answers, finite differences, published sizes."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynamojax as dj
from benchmarks.velocity_quadrature import Scene, series
from dynamojax.constants import DAY_S, R_SUN_KM
from dynamojax.observables.photometry import BandPolynomials
from dynamojax.observables.velocity_series import velocity_series
from dynamojax.planets.encounters import CrossingConfig
from dynamojax.surface.convection import Convection
from dynamojax.surface.geometry import equatorial_velocity
from dynamojax.surface.moments import SurfaceConfig, caps_at

TIMES = np.arange(24) * 0.37
PHOTOSPHERE = np.array([0.35, 0.9, -0.25])
INTENSITY = np.stack([PHOTOSPHERE, 0.3 * PHOTOSPHERE + [0.05, 0, 0], 1.05 * PHOTOSPHERE + [0.05, -0.05, 0]])
FACULAE = SurfaceConfig(faculae=True)
_series = jax.jit(velocity_series)


def _vsini(star):
    return float(equatorial_velocity(star) * jnp.sin(star.inc))


def _bands(*rows):
    """One band for each array of intensities (photosphere, spot, facula)."""
    parts = [jnp.asarray(np.stack(part)) for part in zip(*(rows or (INTENSITY,)), strict=True)]
    return BandPolynomials(*parts, jnp.asarray(True))


def _system(planets=None, **changes):
    star = {"prot": 7, "inc_deg": 65, "shear": 0.0, "facula_ratio": 1.5, "radius": 1.1} | changes
    spots = dj.SpotMap.from_degrees(
        [20, -35, 60], [-60, 40, 170], [8, 5, 3], t_max=[2, 4, 1], tau_emerge=3, tau_decay=8
    )
    return dj.System(dj.Star.from_degrees(**star), spots, planets or dj.Planets.empty(0))


def _scene(system, convection):
    s, q = system.star, system.spots
    return Scene(
        *(np.asarray(x, float) for x in (q.lat, q.lon, q.radius, q.t_max)),
        3.0,
        8.0,
        TIMES,
        *(float(x) for x in (s.prot, s.inc, s.shear, _vsini(s), s.facula_ratio)),
        INTENSITY,
        float(s.convective_blueshift) * np.asarray(convection.shift, float),
        (float(convection.spot_inhibition), float(convection.facula_inhibition)),
    )


@pytest.mark.parametrize("shear", [0.0, 0.3])
def test_against_quadrature(x64, shear):
    """To 1e-9 of the amplitude, which is the quadrature's own; rims of 13 degrees."""
    system, convection = _system(shear=shear), Convection.solar(facula_inhibition=0.6)
    got = _series(system, dj.Epochs.from_days(TIMES), _bands(), FACULAE, convection)
    exact = series(_scene(system, convection))
    for value, truth in zip((got.rotation, got.convection, got.flux), exact, strict=True):
        scale = np.max(np.abs(truth))
        np.testing.assert_allclose(value[0], truth, rtol=0, atol=1e-9 * scale)
    assert np.ptp(exact[0]) > 0.05 and np.ptp(exact[1]) > 0.001, "km/s: there is something to compare"
    assert not np.any(got.transit) and bool(got.valid)


def test_single_precision():
    """1e-5 of the amplitude: rounding of the phases, 1e-6 turns."""
    system, convection = _system(), Convection.solar()
    got = _series(system, dj.Epochs.from_days(TIMES), _bands(), FACULAE, convection)
    exact = series(_scene(system, convection))
    for value, truth in zip((got.rotation, got.convection), exact, strict=False):
        assert value.dtype == jnp.float32
        np.testing.assert_allclose(value[0], truth, rtol=0, atol=1e-5 * np.max(np.abs(truth)))


def test_bands_share_a_geometry_and_none_needs_another(x64):
    other = INTENSITY * [[1.0, 0.8, 1.2]] + [[0.1], [0.2], [0.15]]
    epochs, convection = dj.Epochs.from_days(TIMES), Convection.solar()
    both = _series(_system(), epochs, _bands(INTENSITY, other), FACULAE, convection)
    alone = _series(_system(), epochs, _bands(other), FACULAE, convection)
    np.testing.assert_allclose(both.total[1], alone.total[0], rtol=0, atol=1e-13)
    assert float(jnp.max(jnp.abs(both.total[1] - both.total[0]))) > 1e-3


def test_without_inhibition_only_the_light_counts(x64):
    """A convective shift that is the same everywhere moves nothing where no region inhibits it."""
    epochs = dj.Epochs.from_days(TIMES)
    constant = Convection([-0.3], 0.0, 0.0)
    got = _series(_system(), epochs, _bands(), FACULAE, constant)
    np.testing.assert_allclose(got.convection, 0, atol=1e-15)
    np.testing.assert_allclose(got.blueshift, -0.3, rtol=1e-14)
    inhibited = _series(_system(), epochs, _bands(), FACULAE, Convection([-0.3], 1.0, 1.0))
    assert np.all(inhibited.convection > 0), "less blueshift is a redshift"


def test_an_immaculate_star_stands_still(x64):
    system = eqx.tree_at(lambda s: (s.spots, s.star.rv), _system(), (dj.SpotMap.empty(2), jnp.asarray(12.5)))
    got = _series(system, dj.Epochs.from_days(TIMES), _bands(), SurfaceConfig(), Convection.solar())
    np.testing.assert_array_equal(got.total, 12.5)
    assert -0.3 < float(got.blueshift[0]) < -0.2  # the mean bisector of the whole Sun, about -0.25 km/s


def _planet(**changes):
    given = {"radius_earth": 11.2, "star_radius": 1.1, "period": 9.0, "inc_deg": 88.0, "obliquity_deg": 30.0}
    return dj.Planets.from_degrees(**given | changes)


@pytest.mark.slow
def test_transit_of_a_uniform_disc(x64):
    """A planet inside a uniform disc takes p^2 of the light, and with it the velocity at its centre."""
    uniform = np.stack([[1.0, 0.0]] * 3)
    times = np.linspace(-0.12, 0.12, 41)
    system = eqx.tree_at(lambda s: s.spots, _system(_planet(), shear=0.0), dj.SpotMap.empty(1))
    epochs, still = dj.Epochs.from_days(times), Convection([0.0], 0.0, 0.0)
    got = _series(system, epochs, _bands(uniform), SurfaceConfig(), still)
    x, y, _ = (q[0] for q in dj.planet_positions(system.star, system.planets, epochs))
    p = float(system.planets.radius_ratio[0])
    inside, off = np.hypot(x, y) < 1 - p, np.hypot(x, y) > 1 + p
    expected = -_vsini(system.star) * p**2 * x / (1 - p**2)
    assert inside.sum() > 10 and off.sum() > 4
    np.testing.assert_allclose(got.transit[0][inside], expected[inside], rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(got.transit[0][off], 0)


@pytest.mark.slow
def test_transit_against_pixels(x64):
    """Limb darkening, shear and convection, at ingress and inside; the pixels' own error is 2e-3."""
    times = np.array([-0.1, -0.05, 0.0, 0.03])
    planet = _planet(radius_earth=18.0)
    system = eqx.tree_at(lambda s: s.spots, _system(planet, shear=0.4), dj.SpotMap.empty(1))
    epochs, convection = dj.Epochs.from_days(times), Convection.solar()
    got = _series(system, epochs, _bands(), SurfaceConfig(), convection)
    x, y, _ = (np.asarray(q[0]) for q in dj.planet_positions(system.star, planet, epochs))
    edge = (np.arange(1000) + 0.5) / 500 - 1
    px, py = np.meshgrid(edge, edge)
    mu = np.sqrt(np.where(px**2 + py**2 < 1, 1 - px**2 - py**2, np.nan))
    light = sum(a * mu**k for k, a in enumerate(PHOTOSPHERE))
    sin_lat = py * np.sin(system.star.inc) + mu * np.cos(system.star.inc)
    speed = _vsini(system.star) * px * (1 - 0.4 * sin_lat**2) + np.asarray(
        convection.velocity(jnp.asarray(mu))
    )
    rest = np.nansum(light * speed) / np.nansum(light)
    for i in range(len(times)):
        seen = np.where((px - x[i]) ** 2 + (py - y[i]) ** 2 > float(planet.radius_ratio[0]) ** 2, light, 0.0)
        velocity = np.nansum(seen * speed) / np.nansum(seen) - rest
        assert float(got.transit[0, i]) == pytest.approx(
            velocity, abs=2e-3 * float(jnp.max(jnp.abs(got.transit)))
        )


@pytest.mark.slow
def test_reflex_and_systemic_velocity_are_added(x64):
    system = _system(_planet(mass_earth=318.0), rv=-20.0)
    epochs = dj.Epochs.from_days(TIMES)
    got = _series(system, epochs, _bands(), FACULAE, Convection.solar())
    reflex = dj.reflex_velocity(system.star, system.planets, epochs)
    np.testing.assert_allclose(got.reflex, reflex, rtol=1e-13)
    parts = got.rotation + got.convection + got.transit
    np.testing.assert_allclose(got.total, parts + got.reflex - 20.0, rtol=1e-14)


def test_pole_on_star_only_shows_convection(x64):
    got = _series(_system(inc_deg=0), dj.Epochs.from_days(TIMES), _bands(), FACULAE, Convection.solar())
    np.testing.assert_allclose(got.rotation, 0, atol=1e-15)
    assert np.all(np.isfinite(got.total)) and np.ptp(got.convection) > 1e-4


def test_size_of_a_spot_on_a_sun_is_the_published_one(x64):
    """Saar & Donahue (1997, ApJ 485, 319): 6.5 f^0.9 vsini m/s, f in per cent of the visible hemisphere.

    Theirs is fitted to simulated lines and a spot 1200 K cooler, here it is the mean of the light, with
    Planck's ratio at 6000 A: 30 % is what such numbers can agree to.
    """
    star = dj.Star.from_degrees(prot=25.38, shear=0.0)
    spot = dj.SpotMap.from_degrees(0, 0, np.rad2deg(np.arccos(1 - 0.01)))
    system = dj.System(star, spot, dj.Planets.empty(0))
    solar = np.array([0.35, 0.75, -0.1])
    bands = _bands(np.stack([solar, 0.333 * solar, solar]))
    got = _series(
        system, dj.Epochs.from_days(np.arange(300) / 10), bands, SurfaceConfig(), Convection.solar()
    )
    semi_amplitude = 1e3 * float(jnp.ptp(got.rotation)) / 2
    assert semi_amplitude == pytest.approx(6.5 * _vsini(star), rel=0.3)
    assert _vsini(star) == pytest.approx(2 * np.pi * R_SUN_KM / (25.38 * DAY_S), rel=1e-12)


def _sum_of_terms(system, convection, intensity):
    bands = BandPolynomials(*intensity, jnp.asarray(True))
    times = dj.Epochs.from_days(np.concatenate([TIMES[::3], [-0.03, 0.0, 0.02]]))
    got = _series(system, times, bands, FACULAE, convection)
    return got.rotation, got.convection, got.transit, got.reflex, got.flux


def test_gradients_against_differences(x64):
    """A random direction in every parameter at once: spots, star, planet, contrasts, limb, convection."""
    system = _system(_planet(mass_earth=100.0, ecc=0.1), shear=0.25)
    intensity = tuple(jnp.asarray(q)[None] for q in INTENSITY)
    args = (system, Convection.solar(), intensity)
    leaves, tree = jax.tree.flatten(args)
    each = jax.random.split(jax.random.key(1), len(leaves))
    ways = [jax.random.normal(k, q.shape, q.dtype) for k, q in zip(each, leaves, strict=True)]
    way = jax.tree.unflatten(tree, ways)

    @jax.jit
    def moved(h):
        return _sum_of_terms(*jax.tree.map(lambda a, b: a + h * b, args, way))

    step = 2e-4
    ends = [moved(h * step) for h in (-2.0, -1.0, 1.0, 2.0)]
    got = jax.jit(lambda: jax.jvp(_sum_of_terms, args, way)[1])()
    for i, slope in enumerate(got):
        difference = (ends[0][i] - 8 * ends[1][i] + 8 * ends[2][i] - ends[3][i]) / (12 * step)
        scale = float(jnp.max(jnp.abs(slope)))
        np.testing.assert_allclose(slope, difference, rtol=0, atol=1e-6 * scale)


@pytest.mark.slow
def test_gradients_are_finite_where_things_end(precision):
    """Empty places, a spot at the disc's centre and one on the limb, a pole-on star, a central transit."""
    spots = dj.SpotMap.from_degrees([0, 0, 90, 0], [0, 90, 0, 0], [5, 5, 90, 0])
    planets = _planet(inc_deg=[90, 90], obliquity_deg=[0, 0], radius_earth=[10, 0])
    system = dj.System(dj.Star.from_degrees(prot=7, inc_deg=90, facula_ratio=0.0, shear=0.2), spots, planets)
    intensity = tuple(jnp.asarray(q, precision)[None] for q in INTENSITY)

    @jax.jit
    def slopes(system):
        def summed(*args):
            return sum(jnp.sum(q) for q in _sum_of_terms(*args))

        return jax.grad(summed, argnums=(0, 1, 2))(system, Convection.solar(), intensity)

    for inc in (np.pi / 2, 0.0):
        got = slopes(eqx.tree_at(lambda s: s.star.inc, system, jnp.asarray(inc, precision)))
        assert all(bool(jnp.all(jnp.isfinite(q))) for q in jax.tree.leaves(got))
        assert got[0].spots.lat[3] == 0 and got[0].planets.period[1] == 0, "empty places have no derivative"


def test_what_overlaps_counts_once(x64):
    """A spot over its twin is one spot; over half of another it is neither one nor two."""
    exact = dataclasses.replace(FACULAE, overlap="exact")
    epochs, convection = dj.Epochs.from_days(TIMES), Convection.solar()
    system = _system(shear=0.3)
    twice = eqx.tree_at(
        lambda s: s.spots, system, jax.tree.map(lambda x: jnp.concatenate([x, x]), system.spots)
    )
    got = _series(twice, epochs, _bands(), exact, convection)
    once = _series(system, epochs, _bands(), FACULAE, convection)
    for name in ("rotation", "convection", "flux"):
        np.testing.assert_allclose(getattr(got, name), getattr(once, name), rtol=0, atol=1e-12)


def _disc(n):
    """Points that share the disc equally."""
    i = np.arange(n) + 0.5
    r, angle = np.sqrt(i / n), np.pi * (3 - np.sqrt(5)) * i
    return r * np.cos(angle), r * np.sin(angle), np.sqrt(1 - r * r)


def _inside(points, position, half_sine):
    """Which points lie in caps."""
    level = [np.tensordot(c, points, 1) - (1 - 2 * w * w) for c, w in zip(position.T, half_sine, strict=True)]
    return np.max(level, axis=0) > 0


def _seen(points, system, epochs, surface, convection):
    """Velocity and flux of points one by one, relative to the immaculate star's: float64, brute force."""
    star, planet = system.star, system.planets
    x, y, z = (np.asarray(q[0]) for q in dj.planet_positions(star, planet, epochs))
    px, py, mu = points
    sin_lat = py * np.sin(float(star.inc)) + mu * np.cos(float(star.inc))
    speed = _vsini(star) * px * (1 - float(star.shear) * sin_lat**2)
    shift = np.asarray(convection.velocity(jnp.asarray(mu)))
    light = [sum(a * mu**k for k, a in enumerate(row)) for row in INTENSITY]
    rest = np.sum(light[0] * (speed + shift)) / np.sum(light[0])
    position, spot, facula = (np.asarray(q) for q in caps_at(star, system.spots, epochs, surface))
    found = []
    for i in range(len(x)):
        dark = _inside(points, position[..., i], spot[:, i])
        bright = _inside(points, position[..., i], facula[:, i]) & surface.faculae
        here = np.where(dark, light[1], np.where(bright, light[2], light[0]))
        inhibited = np.where(dark, 0.0, np.where(bright, 0.5, 1.0))
        away = (px - x[i]) ** 2 + (py - y[i]) ** 2 > float(planet.radius_ratio[0]) ** 2
        here = here * (away | (z[i] <= 0))
        velocity = np.sum(here * (speed + inhibited * shift)) / np.sum(here) - rest
        found.append((velocity, np.sum(here) / np.sum(light[0])))
    return np.array(found).T


SMALL = [(5, -15, 3), (12, -8, 2), (-5, 25, 3), (40, 60, 1), (-50, -30, 3)]
SHOWN = {  # radius ratio, faculae, spots, times
    "a giant before two that overlap": (
        0.15,
        True,
        [(5, -15, 14), (12, -8, 9), (-5, 25, 10)],
        [-0.05, 0.0, 0.02, 0.3],
    ),
    "small ones behind 0.2": (0.2, False, SMALL, [-0.1, -0.02, 0.03]),
    "small ones behind 0.3": (0.3, False, SMALL, [-0.1, -0.02, 0.03]),
    "small ones behind a companion": (1.0, False, SMALL, [-0.2, -0.03, 0.1]),
    "small ones behind a larger star": (1.2, False, SMALL, [-0.2, 0.15, 0.25]),
    "large ones behind a companion": (
        1.0,
        False,
        [(5, -15, 40), (12, -8, 20), (-5, 25, 30)],
        [-0.2, -0.03, 0.1],
    ),
}


QUICK = ("a giant before two that overlap",)


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in SHOWN]
)
def test_planets_in_front_of_spots_against_points(x64, name):
    """To 1e-3 of the whole effect: the points' own scatter, 4e-4 where the effect is least."""
    p, faculae, spots, times = SHOWN[name]
    planet = _planet(radius_earth=p * 1.1 / 0.0091577, inc_deg=88.5, obliquity_deg=10.0)
    spots = dj.SpotMap.from_degrees(*map(list, zip(*spots, strict=True)))
    system = eqx.tree_at(lambda s: s.spots, _system(planet, shear=0.4, inc_deg=80), spots)
    surface = SurfaceConfig(faculae=faculae, overlap="exact", law="constant")
    epochs, convection = dj.Epochs.from_days(times), Convection.solar()
    got = _series(system, epochs, _bands(), surface, convection)
    points = np.array(_disc(1_500_000 if p < 0.2 else 400_000))
    velocity, flux = _seen(points, system, epochs, surface, convection)
    total = got.rotation[0] + got.convection[0] + got.transit[0]
    assert bool(got.valid) and np.min(flux) > 0.05
    np.testing.assert_allclose(got.flux[0], flux, rtol=0, atol=1e-4)
    np.testing.assert_allclose(total, velocity, rtol=0, atol=1e-3 * np.max(np.abs(velocity)))


def test_total_eclipse_leaves_no_light_and_no_velocity(x64):
    planet = _planet(radius_earth=1.3 * 1.1 / 0.0091577, inc_deg=90.0)
    system = _system(planet, inc_deg=80)
    got = _series(system, dj.Epochs.from_days([0.0, 0.01, 3.0]), _bands(), FACULAE, Convection.solar())
    assert bool(got.valid) and got.flux[0, 2] > 0.5
    np.testing.assert_array_equal(got.flux[0, :2], 0)
    np.testing.assert_array_equal(got.is_lit[0], [False, False, True])
    for term in (got.rotation, got.convection, got.transit, got.total):
        np.testing.assert_array_equal(np.isnan(term[0]), [True, True, False])


@pytest.mark.parametrize(
    ("radius_deg", "day"),
    [(91.0, 0.0), (-1.0, 0.0), (60.0, 0.0), (np.nan, 0.0), (5.0, np.nan), (5.0, np.inf)],
)
def test_what_cannot_be_is_not_valid(x64, radius_deg, day):
    """Spots or faculae (here from 53 deg on) of more than a hemisphere, or of less than none; no times."""
    spots = dataclasses.replace(_system().spots, radius=jnp.deg2rad(jnp.asarray([5.0, radius_deg, 3.0])))
    epochs = dataclasses.replace(dj.Epochs.from_days([0.0, 1.0]), fraction=jnp.asarray([0.0, day]))
    system = eqx.tree_at(lambda s: s.spots, _system(), spots)
    got = _series(system, epochs, _bands(), FACULAE, Convection.solar())
    assert not bool(got.valid) and np.all(np.isnan(got.total)) and np.all(np.isnan(got.flux))


@pytest.mark.slow
def test_too_little_room_for_crossings_is_said(x64):
    planet = _planet(radius_earth=18.0, inc_deg=89.0)
    spots = dj.SpotMap.from_degrees([0, 5, -5], [0, 8, -8], [20, 20, 20])
    system = eqx.tree_at(lambda s: s.spots, _system(planet, inc_deg=90), spots)
    epochs = dj.Epochs.from_days([0.0, 0.01])
    got = _series(
        system, epochs, _bands(), SurfaceConfig(), Convection.solar(), room=CrossingConfig(n_caps=1)
    )
    assert not bool(got.valid) and np.all(np.isnan(got.transit))
