"""Motion of an observatory: sizes that are known, and a sum of rotation and orbit done by hand."""

import numpy as np
import pytest

from dynamojax.instruments.barycentric import barycentric_velocity

XINGLONG = (117.575, 40.394, 960.0)
DAYS = 2455197.5 + np.linspace(0.0, 365.25, 200)


def test_a_star_on_the_ecliptic_sees_the_whole_orbit_and_the_pole_next_to_nothing():
    """29.8 km/s, 3.4 % more or less with the eccentricity, and up to 0.35 of rotation; the pole of the
    ecliptic: what the Sun and the Moon make, below 0.05, and the rotation times sin 66.6 deg at most."""
    along = barycentric_velocity(DAYS, (0.0, 0.0), XINGLONG)
    assert 29.3 * np.cos(np.deg2rad(23.44)) < along.max() < 31.0
    assert -31.0 < along.min() < -27.0
    pole = barycentric_velocity(DAYS, (270.0, 66.56), XINGLONG)
    assert 0.05 < np.abs(pole).max() < 0.45


def test_the_earth_turns():
    """Within a day, less the orbit's drift, the amplitude is 0.4651 km/s x cos latitude x cos declination."""
    hours = 2455197.5 + np.arange(0, 1, 1 / 96)
    here = barycentric_velocity(hours, (80.0, 30.0), XINGLONG)
    there = barycentric_velocity(hours, (80.0, 30.0), (0.0, 90.0, 0.0))
    amplitude = 0.5 * np.ptp(here - there)
    expected = 0.4651 * np.cos(np.deg2rad(40.394)) * np.cos(np.deg2rad(30.0))
    assert amplitude == pytest.approx(expected, rel=0.01)


def test_it_is_towards_the_star():
    """At the autumn equinox the Earth flies towards 90 deg of ecliptic longitude."""
    equinox = np.array([2455462.6])  # 2010 September 23
    assert barycentric_velocity(equinox, (90.0, 23.4), XINGLONG)[0] > 28.0
    assert barycentric_velocity(equinox, (270.0, -23.4), XINGLONG)[0] < -28.0


def test_light_travel_is_taken_off():
    """8.3 minutes of rotation: the velocity at BJD is that of the observatory when its light is there."""
    from astropy import units as u
    from astropy.coordinates import EarthLocation, SkyCoord
    from astropy.time import Time

    day, star = 2455462.6, SkyCoord(0 * u.deg, 0 * u.deg)
    place = EarthLocation.from_geodetic(*(q * x for q, x in zip(XINGLONG, (u.deg, u.deg, u.m), strict=True)))
    time = Time(day, format="jd", scale="tdb", location=place)
    late = time + time.light_travel_time(star)
    at = star.radial_velocity_correction("barycentric", obstime=time).to_value(u.km / u.s)
    got = barycentric_velocity(np.array([late.jd]), (0.0, 0.0), XINGLONG)[0]
    assert got == pytest.approx(at, abs=1e-6)
