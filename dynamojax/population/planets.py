"""Planets: how many, how far, how large, how heavy, and how their orbits lie against the star's spin."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from dynamojax.constants import M_EARTH_M_SUN, R_EARTH_R_SUN
from dynamojax.numerics import safe_arctan2, safe_sqrt, stream
from dynamojax.planets.orbit import semi_major_axis
from dynamojax.population.distributions import (
    AbstractDistribution,
    Isotropic,
    LogNormal,
    LogUniform,
    Mixture,
    Normal,
    PowerLaws,
    Rayleigh,
    Uniform,
)
from dynamojax.system import Planets, Star, leaf

# Chen & Kipping (2017), ApJ 834, 17, table 2: R = 1.008 M^0.279 below 2.04 Earth masses, M^0.589 up to 0.414
# Jupiter masses (131.6 of the Earth), M^-0.044 beyond.
_C, _SLOPES = 1.008, (0.279, 0.589, -0.044)
_TERRAN, _NEPTUNIAN = 2.04, 131.6
_R_TERRAN = _C * _TERRAN ** _SLOPES[0]
_R_NEPTUNIAN = _R_TERRAN * (_NEPTUNIAN / _TERRAN) ** _SLOPES[1]
_GIANT = 8.0  # radius above which the relation is too flat to tell the mass. [R_earth]
_CLOSEST = 1.2  # periastron below which there is no planet. [stellar radius]


def radius_chen_kipping(mass: Float[Array, "..."]) -> Float[Array, "..."]:
    """Median radius of a planet. [R_earth]

    Args:
        mass: Up to 0.08 M_sun, 26,600 Earth masses. [M_earth]

    Source: Chen & Kipping (2017), ApJ 834, 17, table 2.
    """
    terran = _C * mass ** _SLOPES[0]
    neptunian = _R_TERRAN * (mass / _TERRAN) ** _SLOPES[1]
    jovian = _R_NEPTUNIAN * (mass / _NEPTUNIAN) ** _SLOPES[2]
    return jnp.where(mass < _TERRAN, terran, jnp.where(mass < _NEPTUNIAN, neptunian, jovian))


def mass_chen_kipping(radius: Float[Array, "..."]) -> Float[Array, "..."]:
    """Mass whose median radius this is, below the plateau of the giants. [M_earth]

    Args:
        radius: Up to 14.3; the inverse of the medians, not the median of the inverse. [R_earth]
    """
    terran = (radius / _C) ** (1.0 / _SLOPES[0])
    neptunian = _TERRAN * (radius / _R_TERRAN) ** (1.0 / _SLOPES[1])
    return jnp.where(radius < _R_TERRAN, terran, neptunian)


def conjunction_distance(axis, ecc, omega) -> Float[Array, "..."]:
    """From the star to a planet in front of it, in the unit of the axis; omega is the star's [rad]."""
    return axis * (1.0 - ecc**2) / (1.0 + ecc * jnp.sin(omega))


def tilted(
    inc: Float[Array, ""], tilt: Float[Array, ""], azimuth: Float[Array, ""]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Another axis at an angle from one: its inclination, and its angle on the sky from the first's.

    Args:
        inc: Of the first axis, 0 towards the observer. [rad]
        tilt: Between the two, 0 to pi. [rad]
        azimuth: Of the second about the first. [rad]

    Returns:
        Inclination in [0, pi], and the angle counterclockwise from the first's projection. [rad]
    """
    # The first is (0, sin inc, cos inc); across it lie (1, 0, 0) and (0, cos inc, -sin inc).
    sin_i, cos_i = jnp.sin(inc), jnp.cos(inc)
    across, along = jnp.sin(tilt) * jnp.cos(azimuth), jnp.sin(tilt) * jnp.sin(azimuth)
    x, y = across, jnp.cos(tilt) * sin_i + along * cos_i
    z = jnp.cos(tilt) * cos_i - along * sin_i
    return jnp.arctan2(safe_sqrt(x**2 + y**2), z), safe_arctan2(-x, y)


class PlanetarySystems(eqx.Module):
    """Planets of one star.

    Attributes:
        share: Of stars that have planets. [1]
        more: Mean number of further planets of those, a Poisson law; those without a place do not exist. [1]
        innermost: Period of the innermost. [day]
        ratio: Of the periods of neighbours. [1]
        radius: [R_earth]
        giant_mass: Of planets above 8 Earth radii, whose radius does not tell it. [M_earth]
        ecc: [1]
        mutual: Angle between a planet's orbit and the common plane. [rad]
        obliquity: Angle between the common plane's axis and the star's spin. [rad]
        n_planets: Places, static.
        transiting: Whether every star has planets and the first transits, at any impact parameter below 1
            alike; then the star's inclination follows from the orbit's. Static.
    """

    share: Float[Array, ""] = leaf()
    more: Float[Array, ""] = leaf()
    innermost: AbstractDistribution
    ratio: AbstractDistribution
    radius: AbstractDistribution
    giant_mass: AbstractDistribution
    ecc: AbstractDistribution
    mutual: AbstractDistribution
    obliquity: AbstractDistribution
    n_planets: int = eqx.field(static=True, default=3)
    transiting: bool = eqx.field(static=True, default=False)

    def __check_init__(self):
        if self.n_planets < 1:
            raise ValueError(
                f"n_planets = {self.n_planets} must be at least 1; leave the planets out for none"
            )

    def __call__(
        self, star: Star, start: Float[Array, ""], *, key: Key[Array, ""]
    ) -> tuple[Planets, Float[Array, ""]]:
        """Planets of one star, and the star's inclination [rad].

        Args:
            star: Its mass, radius and inclination are used.
            start: First epoch; a planet transits once in a period from then on. [day]
            key: Randomness.
        """
        exists = self._exists(stream(key, "number"), star.teff.dtype)
        period, size, mass, ecc = self._bodies(key)
        axis = semi_major_axis(star.mass + mass * M_EARTH_M_SUN, period) / star.radius
        exists = exists & (axis * (1.0 - ecc) > _CLOSEST)
        phase, turn = (
            _uniforms(stream(key, name), self.n_planets, period.dtype) for name in ("phase", "omega")
        )
        omega = 2 * jnp.pi * turn
        distance = conjunction_distance(axis, ecc, omega)
        inc, obliquity, spin = self._orbits(star, distance[0], stream(key, "orbits"))
        planets = Planets(
            radius_ratio=jnp.where(exists, size * R_EARTH_R_SUN / star.radius, 0.0),
            mass=jnp.where(exists, mass * M_EARTH_M_SUN, 0.0),
            period=period,
            t_transit=start + phase * period,
            inc=inc,
            ecc=ecc,
            omega=omega,
            obliquity=obliquity,
        )
        return planets, spin

    def _exists(self, key, dtype) -> Bool[Array, " n_planets"]:
        """Which places hold a planet: the first ones."""
        u = _uniforms(key, 2, dtype)
        count = jnp.arange(self.n_planets, dtype=dtype)
        chance = jax.scipy.special.gammaincc(jnp.maximum(count, 1.0), self.more)  # of fewer further planets
        further = jnp.where(count == 0, True, u[1] > chance)
        return further if self.transiting else further & (u[0] < self.share)

    def _bodies(self, key):
        """Periods [day], radii [R_earth], masses [M_earth] and eccentricities."""

        def draw(name):
            keys = jax.random.split(stream(key, name), self.n_planets)
            return jax.vmap(lambda k: getattr(self, name).sample(key=k))(keys)

        steps = jnp.log(draw("ratio")).at[0].set(0.0)
        period = self.innermost.sample(key=stream(key, "innermost")) * jnp.exp(jnp.cumsum(steps))
        size = draw("radius")
        mass = jnp.where(size > _GIANT, draw("giant_mass"), mass_chen_kipping(jnp.minimum(size, _GIANT)))
        return period, size, mass, draw("ecc")

    def _orbits(self, star: Star, distance, key):
        """Inclinations and obliquities of the orbits, and the inclination of the spin. [rad]"""
        u = _uniforms(stream(key, "azimuths"), self.n_planets + 2, star.teff.dtype)
        tilt = self.obliquity.sample(key=stream(key, "obliquity"))
        if self.transiting:
            plane = jnp.arccos(jnp.clip(u[1] / distance, 0.0, 1.0))
            spin, back = tilted(plane, tilt, 2 * jnp.pi * u[0])
            turn = -back
        else:
            spin = star.inc
            plane, turn = tilted(spin, tilt, 2 * jnp.pi * u[0])
        keys = jax.random.split(stream(key, "mutual"), self.n_planets)
        lean = jax.vmap(lambda k: self.mutual.sample(key=k))(keys)
        if self.transiting:
            lean = lean.at[0].set(0.0)
        inc, more = jax.vmap(tilted, (None, 0, 0))(plane, lean, 2 * jnp.pi * u[2:])
        return inc, turn + more, spin


def _uniforms(key, n: int, dtype) -> Float[Array, " n"]:
    return jax.random.uniform(key, (n,), dtype)


def kepler_planets(n_planets: int = 3, *, transiting: bool = False) -> PlanetarySystems:
    """Planets within about a year, as Kepler's are.

    Args:
        n_planets: Places.
        transiting: As in `PlanetarySystems`.

    Source: 30 +- 3 % of stars have them, 3.0 +- 0.3 on average (Zhu et al. 2018, ApJ 860, 101);
        eccentricities of multiple systems half a normal law of 0.083 (Van Eylen et al. 2019, AJ 157, 61);
        radii as powers -0.5 below 3.3 Earth radii and -6 beyond (Mulders et al. 2018, AJ 156, 24, in their
        EPOS); mutual inclinations of 1.8 deg, where Fabrycky et al. (2014, ApJ 790, 146) find a mode of 1.0
        to 2.2. Of Mulders et al., too, as DYNAMITE (Dietrich & Apai 2020) has them: the innermost at 12 days
        (about 10 in their abstract), d ln N / d ln P 1.6 below and -0.9 beyond; ratios of periods about 1.86
        with a scatter of 0.11 dex, here a little wider. A few per cent of giants, and obliquities (nine in
        ten within 5 deg or so, the rest isotropic), are ours. Hill stability is not checked.
    """
    small = PowerLaws([0.5, 3.3, 7.0], [-1.5, -7.0])
    return PlanetarySystems(
        share=0.30,
        more=2.0,
        innermost=PowerLaws([0.7, 12.0, 200.0], [0.6, -1.9]),
        ratio=LogNormal(1.9, 0.13, 1.3, 6.0),
        radius=Mixture(0.97, small, Uniform(_GIANT, 14.0)),
        giant_mass=LogUniform(60.0, 3000.0),
        ecc=Normal(0.0, 0.083, 0.0, 0.6),
        mutual=Rayleigh(np.deg2rad(1.8)),
        obliquity=Mixture(0.9, Rayleigh(np.deg2rad(4.0)), Isotropic(0.0, np.pi)),
        n_planets=n_planets,
        transiting=transiting,
    )
