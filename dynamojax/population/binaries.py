"""Binaries: which stars have a companion, what its orbit is, and each star as the other's occulter."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from dynamojax.evolution.turnover import curve
from dynamojax.numerics import stream
from dynamojax.planets.orbit import semi_major_axis
from dynamojax.population.distributions import (
    AbstractDistribution,
    Fixed,
    Isotropic,
    LogNormal,
    Mixture,
    Uniform,
)
from dynamojax.system import Planets, Star, leaf

# Share of stars with a companion by mass of the primary: Duchene & Kraus (2013), ARA&A 51, 269, table 1, as
# quoted in DOI 10.1051/0004-6361/201526933: 26 % at 0.1-0.5 M_sun, 44 % at 0.7-1.3, 50 % or more above; the
# 22 % at the bottom, too, in emilyhunt/ocelot, where Burgasser et al. (2007, Protostars and Planets V, 427)
# have 10 to 30 %.
_MASS = (0.1, 0.3, 1.0, 1.5)
_SHARE = (0.22, 0.26, 0.44, 0.50)


class Orbit(NamedTuple):
    """A companion and its orbit about the primary.

    Attributes:
        exists: Whether there is a companion.
        mass: Of the companion, initial. [M_sun]
        period: [day]
        ecc: [1]
        omega: Argument of periastron of the primary's orbit. [rad]
        t_conjunction: Time at which the companion is in front. [day]
        inc: [rad]
        is_close: Whether tides have aligned and synchronised both stars.
    """

    exists: Bool[Array, ""]
    mass: Float[Array, ""]
    period: Float[Array, ""]
    ecc: Float[Array, ""]
    omega: Float[Array, ""]
    t_conjunction: Float[Array, ""]
    inc: Float[Array, ""]
    is_close: Bool[Array, ""]


class Binaries(eqx.Module):
    """Companions of stars.

    A companion is a star of the same age, metallicity and place, with rotation, spots and noise of its own;
    one too light for the tracks is a brown dwarf, too faint to matter, and leaves the star single.

    Attributes:
        share: Factor on the share of stars with a companion. [1]
        ratio: Mass of the companion over the primary's. [1]
        period: [day]
        ecc: Of orbits too wide for tides. [1]
        circular: Period below which orbits are circular. [day]
        synchronous: Period below which stars turn with the orbit, their axes along its own. [day]
        aperture: Separation up to which the light of both is measured as one. [arcsec]
        inclination: Of orbits. [rad]
        eclipses: Whether each star is an occulter of the other, with its pull on it, in `System.planets`, at
            the cost of a transit in front of spots; if not, the light is only added and the pull is a
            constant velocity, that at the middle of the window. Static.
    """

    share: Float[Array, ""] = leaf()
    ratio: AbstractDistribution
    period: AbstractDistribution
    ecc: AbstractDistribution
    circular: Float[Array, ""] = leaf()
    synchronous: Float[Array, ""] = leaf()
    aperture: Float[Array, ""] = leaf()
    inclination: AbstractDistribution
    eclipses: bool = eqx.field(static=True, default=False)

    def __call__(self, mass: Float[Array, ""], start: Float[Array, ""], *, key: Key[Array, ""]) -> Orbit:
        """The companion of a star.

        Args:
            mass: Initial mass of the primary. [M_sun]
            start: First epoch; the companion passes in front once in a period from then on. [day]
            key: Randomness.
        """
        u = jax.random.uniform(stream(key, "uniforms"), (3,), mass.dtype)
        period = self.period.sample(key=stream(key, "period"))
        ecc = self.ecc.sample(key=stream(key, "ecc"))
        return Orbit(
            exists=u[0] < self.share * companion_share(mass),
            mass=mass * self.ratio.sample(key=stream(key, "ratio")),
            period=period,
            ecc=jnp.where(period < self.circular, 0.0, ecc),
            omega=2 * jnp.pi * u[1],
            t_conjunction=start + u[2] * period,
            inc=self.inclination.sample(key=stream(key, "inclination")),
            is_close=period < self.synchronous,
        )


def companion_share(mass: Float[Array, ""]) -> Float[Array, ""]:
    """Share of stars that have a companion, held below 0.1 and above 1.5 M_sun. [1]"""
    return curve(_MASS, _SHARE, jnp.clip(mass, _MASS[0], _MASS[-1]))[0]


def kepler_binaries(*, eclipses: bool = False) -> Binaries:
    """Companions as in the solar neighbourhood.

    Args:
        eclipses: As in `Binaries`.

    Source: log10 of the period in days 5.03 +- 2.28 (Raghavan et al. 2010, ApJS 190, 1); mass ratios nearly
        uniform (Tokovinin 2014, AJ 147, 87), with 3 % more than that within 2 % of equal masses, as among
        spectroscopic binaries (Simon & Obbie 2009, AJ 137, 3442); orbits circular below 12 days (Raghavan et
        al., as two public recipes for binaries have it from them, not read in the paper); synchronous below
        10 days, as 79 % of eclipsing binaries are (Lurie et al. 2017, AJ 154, 250). The aperture is a pixel
        of Kepler. That a survey by brightness sees more twins than are born is not in it.
    """
    return Binaries(
        share=1.0,
        ratio=Mixture(0.93, Uniform(0.1, 1.0), Uniform(0.95, 1.0)),
        period=LogNormal(10.0**5.03, 2.28, 1.0, 1e9),
        ecc=Uniform(0.0, 0.8),
        circular=12.0,
        synchronous=10.0,
        aperture=4.0,
        inclination=Isotropic(),
        eclipses=eclipses,
    )


def eclipsing_binaries() -> Binaries:
    """Every star with a close companion seen edge-on, for training: not a share that occurs anywhere."""
    binaries = kepler_binaries(eclipses=True)
    parts = (1e6, LogNormal(10.0, 0.5, 2.0, 100.0), Fixed(np.pi / 2))
    where = lambda b: (b.share, b.period, b.inclination)  # noqa: E731
    return eqx.tree_at(where, binaries, (jnp.asarray(parts[0], binaries.share.dtype), *parts[1:]))


def is_eclipsing(orbit: Orbit, primary: Star, companion: Star) -> Bool[Array, ""]:
    """Whether the discs meet at either conjunction."""
    axis = semi_major_axis(primary.mass + companion.mass, orbit.period)
    e_sin = orbit.ecc * jnp.sin(orbit.omega)
    closest = axis * (1.0 - orbit.ecc**2) / (1.0 + jnp.abs(e_sin))
    return orbit.exists & (jnp.abs(jnp.cos(orbit.inc)) * closest < primary.radius + companion.radius)


def conjunctions_apart(period, ecc, omega) -> Float[Array, ""]:
    """From the companion in front to the primary in front. [day]

    Args:
        period: [day]
        ecc: [1]
        omega: Argument of periastron of the primary's orbit. [rad]
    """
    before, after = (_mean_anomaly(angle - omega, ecc) for angle in (0.5 * jnp.pi, 1.5 * jnp.pi))
    return jnp.mod((after - before) / (2 * jnp.pi), 1.0) * period


def _mean_anomaly(true, ecc):
    half = jnp.arctan2(jnp.sqrt(1 - ecc) * jnp.sin(0.5 * true), jnp.sqrt(1 + ecc) * jnp.cos(0.5 * true))
    return 2 * half - ecc * jnp.sin(2 * half)


def occulters(
    orbit: Orbit, primary: Star, companion: Star, turn: Float[Array, ""]
) -> tuple[Planets, Planets]:
    """Each star as the other sees it pass: companion before primary, primary before companion.

    Their orbits are one: periastron of the second is turned by pi, its conjunction is the other one. The
    light that an occulter sends itself is that of its own System.

    Args:
        orbit: The orbit.
        primary: Its star.
        companion: Its star.
        turn: Projected angle from either spin to the orbit's axis; 0 where tides have aligned them. [rad]
    """
    later = orbit.t_conjunction + conjunctions_apart(orbit.period, orbit.ecc, orbit.omega)

    def body(other: Star, star: Star, time, omega) -> Planets:
        values = dict(
            radius_ratio=jnp.where(orbit.exists, other.radius / star.radius, 0.0),
            mass=jnp.where(orbit.exists, other.mass, 0.0),
            period=orbit.period,
            t_transit=time,
            inc=orbit.inc,
            ecc=orbit.ecc,
            omega=omega,
            obliquity=jnp.where(orbit.is_close, 0.0, turn),
        )
        return Planets(**{name: jnp.reshape(x, (1,)) for name, x in values.items()})

    first = body(companion, primary, orbit.t_conjunction, orbit.omega)
    return first, body(primary, companion, later, jnp.mod(orbit.omega + jnp.pi, 2 * jnp.pi))
