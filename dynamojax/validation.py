"""Checks of parameter values on the host: a name, a value, what is allowed and what to do.

Traced code never raises on values, so these run where a person's numbers come in.
"""

import numpy as np

from dynamojax.constants import DAY_S, GM_SUN_KM3_S2, R_SUN_KM
from dynamojax.system import Planets, SpotMap, Star, System

_QUARTER_TURN = np.pi / 2

# name: (low, high, low is allowed, high is allowed, remedy)
_STAR = {
    "teff": (0, np.inf, False, False, "give it in kelvin"),
    "logg": (-1, 10, True, True, "give log10 of the gravity in cm/s2"),
    "feh": (-10, 2, True, True, "give dex relative to the Sun"),
    "mass": (0, np.inf, False, False, "give it in solar masses"),
    "radius": (0, np.inf, False, False, "give it in solar radii"),
    "distance": (0, np.inf, False, False, "give it in parsec"),
    "prot": (0, np.inf, False, False, "give the equatorial rotation period in days"),
    "inc": (0, np.pi, True, True, "give radians from pole-on, or use Star.from_degrees"),
    "shear": (-1, 1, True, False, "give (Omega_eq - Omega_pole) / Omega_eq"),
    "spot_contrast": (-np.inf, np.inf, False, False, "give photosphere minus spot in kelvin"),
    "facula_contrast": (-np.inf, np.inf, False, False, "give facula minus photosphere in kelvin"),
    "facula_ratio": (0, np.inf, True, False, "give facular over spot area"),
    "rv": (-3e4, 3e4, True, True, "give km/s, positive when the star recedes"),
    "convective_blueshift": (-np.inf, np.inf, False, False, "give it in units of the Sun's; 0 for none"),
    "macroturbulence": (0, np.inf, True, False, "give the radial-tangential velocity in km/s; 0 for none"),
    "microturbulence": (
        0,
        np.inf,
        True,
        False,
        "give the velocity beyond the grid's own in km/s; 0 for none",
    ),
    "av": (0, np.inf, True, False, "give the extinction in V in magnitudes; 0 for none"),
}
_SPOTS = {
    "lat": (-_QUARTER_TURN, _QUARTER_TURN, True, True, "give radians, or use SpotMap.from_degrees"),
    "lon": (-np.inf, np.inf, False, False, "give radians, or use SpotMap.from_degrees"),
    "radius": (0, _QUARTER_TURN, True, True, "a spot is at most a hemisphere; use 0 for an empty place"),
    "t_max": (-np.inf, np.inf, False, False, "give days"),
    "tau_emerge": (0, np.inf, False, True, "give days; infinity for a spot that does not grow"),
    "tau_decay": (0, np.inf, False, True, "give days; infinity for a spot that does not fade"),
}
_PLANETS = {
    "radius_ratio": (0, np.inf, True, False, "give planet over stellar radius; 0 for an empty place"),
    "mass": (0, np.inf, True, False, "give solar masses, or use Planets.from_degrees"),
    "period": (0, np.inf, False, False, "give days"),
    "t_transit": (-np.inf, np.inf, False, False, "give days"),
    "inc": (0, np.pi, True, True, "give radians, or use Planets.from_degrees"),
    "ecc": (0, 1, True, False, "only bound orbits are modelled"),
    "omega": (-np.inf, np.inf, False, False, "give radians, or use Planets.from_degrees"),
    "obliquity": (-np.inf, np.inf, False, False, "give radians, or use Planets.from_degrees"),
}

# Lowest and highest value of every parameter by owner, for whoever bounds a fit.
SPANS = {
    owner: {name: rule[:2] for name, rule in rules.items()}
    for owner, rules in (("star", _STAR), ("spots", _SPOTS), ("planets", _PLANETS))
}


def _check(owner: str, module: Star | SpotMap | Planets, rules: dict) -> None:
    for name, (low, high, has_low, has_high, remedy) in rules.items():
        values = np.asarray(getattr(module, name))
        above = values >= low if has_low else values > low
        below = values <= high if has_high else values < high
        bad = np.argwhere(~(above & below))  # NaN fails both
        if len(bad):
            at = tuple(int(i) for i in bad[0])
            place = f"[{', '.join(map(str, at))}]" if at else ""
            span = f"{'[' if has_low else '('}{low:g}, {high:g}{']' if has_high else ')'}"
            raise ValueError(f"{owner}.{name}{place} = {values[at]:g} must be in {span}; {remedy}")


def validate(system: System) -> System:
    """Return the system, one or a population, if every value is possible.

    Raises:
        ValueError: naming the first parameter that is not, its value, its range and a remedy.
    """
    _check("star", system.star, _STAR)
    _check("spots", system.spots, _SPOTS)
    _check("planets", system.planets, _PLANETS)
    rim = (1 + np.asarray(system.star.facula_ratio)[..., None]) * np.sin(
        np.asarray(system.spots.radius) / 2
    ) ** 2
    if np.any(rim > 0.5):
        raise ValueError(
            f"star.facula_ratio = {np.max(system.star.facula_ratio):g} makes faculae wider than a hemisphere "
            f"around a spot of {np.rad2deg(np.max(system.spots.radius)):g} degrees: (1 + facula_ratio) "
            "sin^2(radius/2) must be at most 1/2; lower the ratio or the radius"
        )
    contrast, teff = np.asarray(system.star.facula_contrast), np.asarray(system.star.teff)
    if np.any(np.abs(contrast) > 0.1 * teff):
        worst = contrast[np.abs(contrast) > 0.1 * teff].ravel()[0]
        raise ValueError(
            f"star.facula_contrast = {worst:g} must be within a tenth of star.teff: the law by "
            "which faculae brighten towards the limb holds for small contrasts; lower it"
        )
    _check_orbits(system.star, system.planets)
    return system


def _check_orbits(star: Star, planets: Planets) -> None:
    """Every planet must stay outside the star."""
    seconds = np.asarray(planets.period) * DAY_S
    mass = np.asarray(star.mass)[..., None] + np.asarray(planets.mass)
    axis = np.cbrt(GM_SUN_KM3_S2 * mass * (seconds / (2 * np.pi)) ** 2) / R_SUN_KM
    closest = axis * (1 - np.asarray(planets.ecc)) / np.asarray(star.radius)[..., None]
    inside = (closest <= 1) & (np.asarray(planets.radius_ratio) > 0)
    if inside.any():
        raise ValueError(
            f"planets.period = {np.asarray(planets.period)[inside][0]:g} brings a planet to "
            f"{closest[inside][0]:.3g} stellar radii from the star's centre, inside it; raise period or "
            "lower ecc or star.radius"
        )
