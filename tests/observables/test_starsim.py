"""Light and velocities of StarSim 2's toy model: 18 evolving spots in differential rotation, 50 days.

Nothing is fitted: temperatures, gravity, bands, lines and spots are those that its files state.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dynamojax as dj
from dynamojax.instruments.bandpass import Bandpass, load_bandpass
from dynamojax.observables.photometry import BandPolynomials, band_polynomials, disc_flux
from dynamojax.surface.convection import Convection
from dynamojax.surface.moments import SurfaceConfig
from tests.observables.profile_grid import Part, simulator, write_profiles
from tests.oracles import starsim2

THINNED = slice(1, None, 3)  # of the epochs: those of the spectra
SMALL = 1e-4  # of the shift of the quiet surface, which has none here; that of spots is a multiple [km/s]


def _star(prot=starsim2.PROT, shear=0.0) -> dj.Star:
    return dj.Star.from_degrees(
        teff=starsim2.TEFF, logg=starsim2.LOGG, radius=starsim2.RADIUS, prot=prot, shear=shear, inc_deg=90.0,
        spot_contrast=starsim2.COOLER,
    )  # fmt: skip


def _bands() -> BandPolynomials:
    """Its two bands, both of energy: 450-900 nm through Kepler's filter, and 380-690 nm."""
    curve = load_bandpass("kepler")
    inside = (curve.wavelength >= 4500) & (curve.wavelength <= 9000)
    visual = np.linspace(3800.0, 6900.0, 400)
    light = Bandpass("light", curve.wavelength[inside], curve.throughput[inside], photon_counting=False)
    lines = Bandpass("lines", visual, np.ones(400), photon_counting=False)
    grid = dj.load_grid()
    for band in (light, lines):
        grid = dj.band_from_filter(grid, band)
    both = band_polynomials(
        _star(), dj.SpotMap.from_degrees(0.0, 0.0, 5.0), grid.select(("light", "lines")), 5, False
    )
    whole = disc_flux(both.photosphere)[:, None]
    parts = (both.photosphere, both.spot, both.facula)
    return BandPolynomials(*(part / whole for part in parts), both.valid)


@pytest.fixture(scope="module")
def bands():
    with jax.enable_x64(True):
        return _bands()


@pytest.fixture(scope="module")
def closed(bands):
    """Flux, and velocity of the light [m/s], (n_bands, n_times), of 18 stars of one spot each.

    So that each spot turns at its own rate: its law has sin^4 of the latitude, ours has not. What spots take
    adds up. Each epoch is a star of its own, since radii there grow, rest and fade.
    """

    def of_spot(rate, lat, lon, radii):
        star = _star(prot=2 * np.pi / rate)

        def at(time, radius):
            spot = dj.SpotMap.from_degrees(0.0, 0.0, 1.0)
            spot = eqx.tree_at(lambda s: (s.lat, s.lon, s.radius), spot, (lat[None], lon[None], radius[None]))
            system = dj.System(star, spot, dj.Planets.empty())
            epoch = dj.Epochs(time[None], jnp.zeros(1))
            series = dj.velocity_series(
                system, epoch, bands, SurfaceConfig(law="constant"), Convection([0.0], 0.0, 0.0)
            )
            return series.flux[:, 0], series.rotation[:, 0]

        return jax.vmap(at)(jnp.asarray(starsim2.TIMES), radii)

    with jax.enable_x64(True):
        colatitude, longitude = np.deg2rad(starsim2.SPOTS[:, 2:4]).T
        given = starsim2.rotation_rate(starsim2.SPOTS[:, 2]), np.pi / 2 - colatitude, longitude
        given = *map(jnp.asarray, given), jnp.asarray(starsim2.radii(starsim2.TIMES))
        flux, velocity = (np.asarray(q) for q in jax.jit(jax.vmap(of_spot))(*given))
    total = 1 + np.sum(flux - 1, axis=0)
    return total.T, 1e3 * (np.sum(velocity * flux, axis=0) / total).T


def _of_mu(bands, band: int) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(bands.photosphere[band]), np.asarray(bands.spot[band])


def test_light_curve(bands, closed):
    """Its 2.1 % deep: 70 ppm rms, 260 ppm at most, where spots of up to 8.4 deg cross the limb.

    Its spots are points there: with them in place of caps, 28 and 110 ppm are left to the model atmospheres,
    BT-Settl with ATLAS9's limb darkening there.
    """
    left = 1e6 * (closed[0][0] - starsim2.FLUX)
    assert 1e6 * np.ptp(starsim2.FLUX) > 20000
    assert np.std(left) < 85 and np.max(np.abs(left)) < 300
    as_points = starsim2.light(starsim2.points(starsim2.TIMES), *_of_mu(bands, 0))
    left = 1e6 * (as_points - starsim2.FLUX)
    assert np.std(left) < 35 and np.max(np.abs(left)) < 125
    # as caps, the scheme is ours; 48 pieces each, of which a limb may split some
    as_caps = starsim2.light(starsim2.caps(starsim2.TIMES), *_of_mu(bands, 0))
    np.testing.assert_allclose(as_caps, closed[0][0], rtol=0, atol=5e-6)
    # the amplitude, which stands for the contrast of spots that is the atmospheres': 0.27 of the light
    ours, theirs = 1 - closed[0][0], 1 - starsim2.FLUX
    assert ours @ theirs / (ours @ ours) == pytest.approx(1.0, abs=0.004)


def _parts(bands) -> dict[float, Part]:
    """Its lines at 5500 K and in spots, on the intensities of their band; others are never asked for."""

    def at(is_spot):
        row = _of_mu(bands, 1)[int(is_spot)]
        return (
            lambda mu: np.polynomial.polynomial.polyval(mu, row),
            lambda velocity: 1 - starsim2.line(velocity, in_spots=is_spot),
        )

    return {teff: at(teff < 4600) for teff in (3900.0, 4300.0, 4900.0, 5500.0, 6100.0)}


@pytest.fixture(scope="module")
def shapes(bands, tmp_path_factory):
    """Of the lines in our spectra: first of the star without spots, then at some epochs."""
    times = starsim2.TIMES[THINNED]
    with jax.enable_x64(True):
        velocities = jnp.asarray(starsim2.VELOCITIES)
        path = write_profiles(tmp_path_factory.mktemp("starsim") / "line.h5", _parts(bands))
        in_spots = Convection([0.0, -SMALL], 1 + starsim2.mean_spot_shift() / SMALL, 0.0)
        simulate = simulator(path, starsim2.VELOCITIES, 1e6, in_spots)
        star = _star(shear=starsim2.shear())

        def at(lon_and_radius):
            lat = 90 - jnp.asarray(starsim2.SPOTS[:, 2])
            spots = dj.SpotMap.from_degrees(lat, *jnp.rad2deg(lon_and_radius))
            system = dj.System(star, spots, dj.Planets.empty())
            return dj.line_shape(velocities, simulate(system).spectra["line"].flux[0])

        longitudes, radii = starsim2.longitudes(times).T, starsim2.radii(times).T
        given = np.stack([longitudes, radii], axis=1)
        given = np.concatenate([0 * given[:1], given])
        return jax.lax.map(at, jnp.asarray(given), batch_size=9)


def _measured(profiles):
    with jax.enable_x64(True):
        both = jax.jit(jax.vmap(dj.line_shape, (None, 0)))
        return both(jnp.asarray(starsim2.VELOCITIES), jnp.asarray(profiles))


def _change(shape, name: str) -> np.ndarray:
    """From the star without spots. [m/s]"""
    value = np.asarray(getattr(shape, name))
    return 1e3 * (value[1:] - value[0])


@pytest.mark.slow
def test_velocities(bands, closed, shapes):
    """Its 116 m/s, from spectra of ours whose lines are its own: 1.0 m/s rms, 2.9 at most, 2.9 % too small.

    Its scheme in NumPy, with our atmospheres, is within 0.9 m/s of its numbers, 0.6 % too small. With caps in
    place of points that becomes 2.2 %, and with a star that is sheared as its spots are, 2.9 %: then it is
    ours to 0.05 m/s. The closed form, the mean of the light, has 86 m/s: a fit to a line 8 km/s wide counts a
    piece by the slope of the line where it lies.
    """
    theirs = starsim2.VELOCITY[THINNED]
    found = _change(shapes, "velocity")
    assert bool(jnp.all(shapes.valid))
    assert np.std(found - theirs) < 1.1 and np.max(np.abs(found - theirs)) < 3.0
    assert found @ theirs / (found @ found) == pytest.approx(1.029, abs=0.004)
    scheme = starsim2.correlations(starsim2.points(starsim2.TIMES[THINNED]), *_of_mu(bands, 1))
    scheme = _change(_measured(scheme), "velocity")
    np.testing.assert_allclose(scheme, theirs, rtol=0, atol=1.0)
    assert scheme @ theirs / (scheme @ scheme) == pytest.approx(1.006, abs=0.003)
    rotation = closed[1][1]
    assert np.ptp(rotation) == pytest.approx(86.3, rel=0.01) and np.ptp(starsim2.VELOCITY) > 115
    assert rotation @ starsim2.VELOCITY / (rotation @ rotation) == pytest.approx(1.30, abs=0.01)


@pytest.mark.slow
def test_shape_of_the_lines(bands, shapes):
    """Velocity, FWHM, span and contrast beside NumPy's sum over pieces of the spots.

    The span is 1 % less sure: spots are moved by one velocity here, by one for each depth there. The quiet
    line is 10 m/s wider here, by its pixels and its instrument.
    """
    times, shear = starsim2.TIMES[THINNED], starsim2.shear()
    exact = _measured(starsim2.correlations(starsim2.caps(times), *_of_mu(bands, 1), shear))
    for name, share in (("velocity", 0.001), ("fwhm", 0.003), ("contrast", 0.005), ("span", 0.02)):
        truth = _change(exact, name)
        np.testing.assert_allclose(_change(shapes, name), truth, rtol=0, atol=share * np.ptp(truth))
    assert float(shapes.fwhm[0]) == pytest.approx(float(exact.fwhm[0]), rel=2e-3)
