"""Motion of an observatory about the barycentre of the solar system, on the host, without any network."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

_FIRST, _LAST = 2415020.5, 2488069.5  # 1900 and 2100. [day]


def barycentric_velocity(
    bjd: Float[np.ndarray, " n_times"], target_deg: Sequence[float | int], site: Sequence[float | int]
) -> Float[np.ndarray, " n_times"]:
    """Velocity of an observatory towards a star: rotation and orbit of the Earth, relativity included. [km/s]

    To be added to a measured velocity, and taken off the star's to see what is measured.

    Args:
        bjd: BJD (TDB) at the barycentre; the light's travel from the observatory is taken off. [day]
        target_deg: Right ascension and declination, ICRS. [deg]
        site: East longitude [deg], latitude [deg], height above the ellipsoid [m].

    Raises:
        ValueError: epochs beyond the ephemeris.
    Source: astropy's `radial_velocity_correction` with its own ephemeris (ERFA's epv00), as in Wright &
        Eastman (2014); the Earth's rotation angle without predictions of UT1 that need a download: 1 mm/s.
    """
    if not np.all((np.asarray(bjd) > _FIRST) & (np.asarray(bjd) < _LAST)):
        raise ValueError(
            f"bjd = {np.min(bjd):g} to {np.max(bjd):g}, allowed: {_FIRST:g} to {_LAST:g}, the years 1900 to "
            "2100 of the ephemeris; check the epochs and epoch_bjd"
        )
    from astropy import units as u  # takes a third of a second to import
    from astropy.coordinates import EarthLocation, SkyCoord
    from astropy.time import Time
    from astropy.utils import iers

    longitude, latitude, height = site
    place = EarthLocation.from_geodetic(longitude * u.deg, latitude * u.deg, height * u.m)
    target = SkyCoord(target_deg[0] * u.deg, target_deg[1] * u.deg)
    with iers.conf.set_temp("auto_download", False), iers.conf.set_temp("iers_degraded_accuracy", "ignore"):
        at_barycentre = Time(np.asarray(bjd, float), format="jd", scale="tdb", location=place)
        time = at_barycentre - at_barycentre.light_travel_time(target)
        found = target.radial_velocity_correction("barycentric", obstime=time)
    return np.asarray(found.to_value(u.km / u.s), float)
