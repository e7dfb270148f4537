"""Spectra of the disc against brute force, their symmetries, edges and gradients."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dynamojax.atmosphere.interpolation import intensity
from dynamojax.observables.disc_config import DiscConfig
from dynamojax.observables.line_kernels import convolved
from dynamojax.observables.spectroscopy import disc_spectra
from dynamojax.planets.orbit import planet_positions
from dynamojax.splines import interpolation_filter
from dynamojax.surface.convection import Convection
from dynamojax.surface.geometry import equatorial_velocity
from dynamojax.surface.moments import SurfaceConfig, caps_at
from dynamojax.system import Epochs, Planets, SpotMap, Star
from tests.observables.synthetic_grid import INFRARED, OPTICAL, synthetic_grid
from tests.oracles import spectra as oracle

SURFACE = SurfaceConfig(law="constant", overlap="exact")
STILL = Convection([0.0], 0.0, 0.0)
# Of the line spread function, in samples: LAMOST at 12,000, APOGEE at 60,000.
SIGMA = {"optical": 12000 / 1800 / 2.3548, "infrared": 60000 / 22500 / 2.3548}
CAPS = [(20, 30, 12), (-30, -40, 20), (10, 60, 5), (50, 0, 3), (25, 40, 8), (0, -88, 10)]
_RUN = jax.jit(disc_spectra, static_argnums=(6, 8))


def grid_of(name):
    return synthetic_grid(*{"optical": OPTICAL, "infrared": INFRARED}[name])


def star_of(vsini, shear, inc_deg=70.0):
    prot = 50.5926 * np.sin(np.deg2rad(inc_deg)) / max(vsini, 1e-3)
    return Star.from_degrees(teff=5500, logg=4.5, inc_deg=inc_deg, prot=prot, shear=shear)


def planet():
    return Planets.from_degrees(
        radius_earth=[10.9],
        star_radius=1.0,
        period=[10.0],
        t_transit=[-0.06],
        inc_deg=[88.5],
        obliquity_deg=[40],
    )


def spots_of(caps):
    return SpotMap.from_degrees(*map(list, zip(*caps, strict=True))) if caps else SpotMap.empty(1)


def ours(grid, star, spots, planets, rv=0.0, surface=SURFACE, config=None):
    epochs, velocity = Epochs.from_days(np.array([0.0])), jnp.asarray([rv])
    flux, valid = _RUN(star, spots, planets, epochs, velocity, grid, surface, STILL, config or DiscConfig())
    assert valid
    return np.convolve(np.asarray(flux[0], float), interpolation_filter(), mode="same")


def brute(grid, star, spots, planets, rv, n_points, window):
    points, epochs = oracle.disc_points(n_points), Epochs.from_days(np.array([0.0]))
    position, half_sine, _ = caps_at(star, spots, epochs, SURFACE)
    radii = 2 * np.arcsin(np.asarray(half_sine[:, 0], float))
    caps = list(zip(np.asarray(position, float)[..., 0].T, radii, strict=True))
    where = np.stack(planet_positions(star, planets, epochs))[..., 0].T
    planets = [(*xyz, float(p)) for xyz, p in zip(where, planets.radius_ratio, strict=True)]
    part = oracle.components(*points, caps, planets)
    speed = oracle.velocity(*points, float(equatorial_velocity(star)), float(star.inc), float(star.shear))
    speed = oracle.C_KM_S * np.tanh(np.arctanh(speed / oracle.C_KM_S) + np.arctanh(rv / oracle.C_KM_S))
    rows = [np.asarray(intensity(grid, jnp.asarray(t), star.logg, star.feh)[0]) for t in (5500.0, 4000.0)]
    return oracle.binned_spectrum(rows, grid.mu, grid.ln_step, points, part, speed, window)


def error(name, vsini, shear, caps, planets, rv=0.0, n_points=200_000):
    grid, star, spots = grid_of(name), star_of(vsini, shear), spots_of(caps)
    window = (110, grid.n_wavelength - 110)
    sigma = SIGMA[name]
    exact = oracle.observed(brute(grid, star, spots, planets, rv, n_points, window), sigma)
    got = oracle.observed(ours(grid, star, spots, planets, rv)[slice(*window)], sigma)
    inner = slice(20, -20)
    return np.abs(got / exact - 1)[inner].max()


# Measured with a million points: 1e-6 without spots (2.7e-5 at 100 km/s in the infrared); with spots and a
# planet 1e-5, and 4e-5 at 100 km/s in the infrared, where a spot of 20 deg spans 14 samples. 200,000 points
# are themselves in error by 5e-5.
@pytest.mark.parametrize(
    ("name", "vsini", "shear"),
    [("optical", 10, 0.2), pytest.param("infrared", 30, 0.4, marks=pytest.mark.slow)],
)
def test_spots_and_a_planet_against_brute_force(x64, name, vsini, shear):
    assert error(name, vsini, shear, CAPS, planet(), rv=57.3) < 1e-4


CROWD = [
    (20, 30, 12),
    (25, 40, 8),
    (12, 38, 9),
    (28, 25, 6),
    (18, 42, 4),
    (22, 31, 7),
    (30, 48, 5),
    (5, 30, 10),
]


# Nodes by themselves: 8e-6 (benchmarks/union_nodes.py); the rest is the points'.
@pytest.mark.parametrize("caps", [CROWD, [(2 * lat, 2 * lon, 2.5 * r) for lat, lon, r in CROWD]])
def test_crowded_spots_against_brute_force(x64, caps):
    assert error("infrared", 30, 0.4, caps, Planets.empty()) < 1e-4


SMALL = [(20, 30, 3), (-30, -40, 2), (10, 60, 5), (5, 0, 3), (25, 40, 1), (0, -80, 4)]
LARGE = [(10, 10, 40), (-20, -45, 20), (50, 40, 12)]


def companion(p, t_transit=0.05, inc_deg=88.5):
    """One of radius ratio p, its orbit at 40 degrees to the equator."""
    return Planets.from_degrees(
        radius_earth=p / 0.0091577,
        star_radius=1.0,
        period=10.0,
        t_transit=t_transit,
        inc_deg=inc_deg,
        obliquity_deg=40,
    )


# Relative to what is left of the light. Measured with a million points, of the light without planets: 2e-5
# at worst for radius ratios of 0.05 to 1.5 at 10 and 30 km/s, which is the points' noise.
@pytest.mark.parametrize(
    ("p", "caps", "t"),
    [
        pytest.param(0.2, SMALL, 0.03, marks=pytest.mark.slow),
        (0.3, SMALL, 0.05),
        pytest.param(1.0, SMALL, 0.1, marks=pytest.mark.slow),
        (1.2, SMALL, 0.15),
    ],
)
def test_small_spots_behind_large_planets_against_brute_force(x64, p, caps, t):
    assert error("optical", 10, 0.2, caps, companion(p, t)) < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("name", ["optical", "infrared"])
@pytest.mark.parametrize("p", [0.01, 0.2, 0.5, 1.0, 1.5])
@pytest.mark.parametrize("caps", [SMALL, LARGE], ids=["small", "large"])
def test_every_companion_against_brute_force(x64, name, p, caps):
    """Across the middle of the disc, and grazing."""
    for t, inc_deg in ((0.04 * (1 + p), 89.5), (0.08 * (1 + p), 88.0 - p)):
        assert error(name, 20, 0.2, caps, companion(p, t, inc_deg), n_points=1_000_000) < 1e-4


def test_total_eclipse_leaves_exactly_nothing(precision):
    grid, star = grid_of("optical"), star_of(10.0, 0.2)
    assert not np.any(ours(grid, star, spots_of(CAPS), companion(1.2, 0.0, 89.8)))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["optical", "infrared"])
@pytest.mark.parametrize("vsini", [0, 2, 10, 30, 100])
@pytest.mark.parametrize("shear", [0.0, 0.4])
def test_every_rotation_against_brute_force(x64, name, vsini, shear):
    # Measured in the infrared, whatever the numbers of points and nodes: 2.7e-5 at 100 km/s, and 5.7e-6 at
    # 2 km/s, which is the spline's through lines of 2.5 km/s.
    at_most = 4e-5 if (name, vsini) == ("infrared", 100) else 8e-6
    assert error(name, vsini, shear, [], Planets.empty()) < at_most
    assert error(name, vsini, shear, CAPS, planet(), n_points=1_000_000) < 6e-5


def test_the_oracle_adds_every_point():
    """The fast order of the brute-force sum is the sum over points one by one, to rounding."""
    rng = np.random.default_rng(2)
    points = oracle.disc_points(500)
    rows = [np.exp(rng.normal(size=(4, 80)) * 0.1) for _ in range(2)]
    mu, part = np.array([0.1, 0.4, 0.7, 0.95]), rng.integers(-1, 2, 500)
    given = rows, mu, 2e-5, points, part, rng.uniform(-40, 40, 500), (20, 60)
    np.testing.assert_allclose(oracle.binned_spectrum(*given), oracle.brute_spectrum(*given), rtol=1e-11)


def test_single_precision_is_enough(precision):
    """Float32 against the same in float64, after the instrument: 1e-5."""
    grid, star, spots = grid_of("optical"), star_of(20.0, 0.2), spots_of(CAPS)
    got = oracle.observed(ours(grid, star, spots, planet()), SIGMA["optical"])[110:-110]
    with jax.enable_x64(True):
        grid, star, spots = grid_of("optical"), star_of(20.0, 0.2), spots_of(CAPS)
        exact = oracle.observed(ours(grid, star, spots, planet()), SIGMA["optical"])[110:-110]
    np.testing.assert_allclose(got, exact, rtol=1e-5)


def test_no_spots_equals_spots_of_no_size_and_of_no_contrast(x64):
    grid, star = grid_of("optical"), star_of(20.0, 0.2)
    plain = ours(grid, star, SpotMap.empty(0), Planets.empty())
    np.testing.assert_allclose(ours(grid, star, SpotMap.empty(3), Planets.empty(2)), plain, rtol=1e-13)
    same = Star.from_degrees(
        teff=5500, logg=4.5, inc_deg=70.0, prot=float(star.prot), shear=0.2, spot_contrast=0.0
    )
    np.testing.assert_allclose(ours(grid, same, spots_of(CAPS), Planets.empty()), plain, rtol=1e-12)


def test_a_whole_shift_moves_the_spectrum_and_a_part_of_one_interpolates(x64):
    grid, star = grid_of("optical"), star_of(5.0, 0.0)
    still = ours(grid, star, SpotMap.empty(0), Planets.empty())
    one = oracle.C_KM_S * np.tanh(7 * grid.ln_step)
    moved = ours(grid, star, SpotMap.empty(0), Planets.empty(), rv=one)
    np.testing.assert_allclose(moved[120:-120], np.roll(still, 7)[120:-120], rtol=1e-12)


@pytest.mark.parametrize("inc_deg", [0.0, 90.0])
def test_pole_on_does_not_rotate_and_a_mirrored_star_is_mirrored(x64, inc_deg):
    grid = grid_of("optical")
    star = Star.from_degrees(teff=5500, logg=4.5, inc_deg=inc_deg, prot=1.0, shear=0.0)
    if inc_deg == 0:
        slow = Star.from_degrees(teff=5500, logg=4.5, inc_deg=0.0, prot=1e6, shear=0.0)
        nothing = SpotMap.empty(0), Planets.empty()
        np.testing.assert_allclose(ours(grid, star, *nothing), ours(grid, slow, *nothing), rtol=1e-12)
    else:  # north and south look the same, equator-on
        maps = [spots_of([(lat, 20, 10)]) for lat in (30, -30)]
        got = [ours(grid, star, spots, Planets.empty()) for spots in maps]
        np.testing.assert_allclose(*got, rtol=1e-11)


@pytest.mark.slow
def test_faculae_of_no_contrast_in_temperature_still_brighten_nothing(x64):
    """With facula_contrast 0 the law of brightening is 1: faculae are photosphere."""
    grid = grid_of("optical")
    kwargs = {"teff": 5500, "logg": 4.5, "prot": 5.0, "facula_contrast": 0.0, "facula_ratio": 4.0}
    star, spots = Star.from_degrees(**kwargs), spots_of(CAPS[:3])
    with_them = SurfaceConfig(law="constant", overlap="exact", faculae=True)
    got = ours(grid, star, spots, planet(), surface=with_them)
    np.testing.assert_allclose(got, ours(grid, star, spots, planet()), rtol=2e-5)


def test_too_fast_and_off_the_grid_are_not_valid(precision):
    grid, epochs = grid_of("optical"), Epochs.from_days(np.array([0.0]))
    for star in (star_of(250.0, 0.0, inc_deg=90.0), Star.from_degrees(teff=9000.0)):
        flux, valid = _RUN(
            star, SpotMap.empty(0), Planets.empty(), epochs, jnp.zeros(1), grid, SURFACE, STILL, DiscConfig()
        )
        assert not valid and jnp.all(jnp.isnan(flux))


@pytest.mark.parametrize(
    ("change", "message"),
    [({"n_disc": (0, 4)}, "n_disc"), ({"n_cap": (3, 0)}, "n_cap"), ({"max_velocity": 0}, "max_velocity = 0")],
)
def test_bad_configurations(change, message):
    with pytest.raises(ValueError, match=message):
        DiscConfig(**change)


@pytest.mark.slow
def test_microscopic_motion_is_a_gaussian_on_everything(x64):
    """Of width xi / sqrt(2) in velocity, over the spots' and the planet's marks too: well sampled."""
    grid = grid_of("optical")
    star, samples = star_of(30.0, 0.2), 2.0
    xi = np.sqrt(2) * samples * grid.ln_step * oracle.C_KM_S
    wide = eqx.tree_at(lambda s: s.microturbulence, star, jnp.asarray(xi))
    room = DiscConfig(max_velocity=300)
    still, moving = (ours(grid, s, spots_of(CAPS), planet(), config=room) for s in (star, wide))
    reach = np.arange(-20, 21)
    gauss = np.exp(-0.5 * (reach / samples) ** 2)
    expected = np.convolve(np.asarray(still), gauss / gauss.sum(), mode="same")
    inner = slice(200, -200)
    np.testing.assert_allclose(moving[inner], expected[inner], rtol=1e-8)
    assert np.max(np.abs(moving[inner] / still[inner] - 1)) > 1e-3


@pytest.mark.parametrize(("n_samples", "n_wavelengths"), [(40, 100), (41, 30)])
def test_a_kernel_that_has_no_middle_or_no_room_is_an_error(n_samples, n_wavelengths):
    with pytest.raises(ValueError, match=f"a kernel of {n_samples} samples must be odd and at most"):
        convolved(jnp.ones((2, n_wavelengths)), jnp.ones((2, n_samples)))
