"""The companion of a drawn star: which star it is, and how the two are bound."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from dynamojax.constants import AU_KM, R_SUN_KM
from dynamojax.evolution.tracks import TrackGrid
from dynamojax.planets.orbit import reflex_velocity, semi_major_axis
from dynamojax.population.binaries import Orbit, is_eclipsing, occulters
from dynamojax.population.drawing import Candidate, star_at
from dynamojax.population.prior import Prior
from dynamojax.population.sight import kepler_magnitude
from dynamojax.system import Epochs, Planets, Star, System

_STABLE = 0.2  # largest orbit of a planet over the periastron of a binary, after Holman & Wiegert (1999)
_AU_R_SUN = AU_KM / R_SUN_KM


class Pair(NamedTuple):
    """What a star is bound to.

    Attributes:
        orbit: Its `exists` is False too where the tracks do not know the companion.
        other: The companion.
        flux_ratio: Of the companion over the primary in Kepler's band. [1]
    """

    orbit: Orbit
    other: Candidate
    flux_ratio: Float[Array, ""]

    def axis(self, free: Float[Array, ""]) -> Float[Array, ""]:
        """Inclination of a star's spin: the orbit's if tides are strong, else its own. [rad]"""
        return jnp.where(self.lock[0], self.orbit.inc, free)

    @property
    def lock(self) -> tuple[Bool[Array, ""], Float[Array, ""]]:
        """Whether both stars turn with the orbit, and its period. [day]"""
        return self.orbit.exists & self.orbit.is_close, self.orbit.period


def drawn_pair(prior: Prior, tracks: TrackGrid, of: Candidate, *, key: Key[Array, ""]) -> Pair:
    """The companion of a star; the prior has binaries."""
    assert prior.binaries is not None
    orbit = prior.binaries(of.mass, prior.start, key=key)
    other = star_at(tracks, orbit.mass, of.feh, of.state.age_gyr)
    own, seen = kepler_magnitude(of.state.luminosity, of.state.teff)
    its, known = kepler_magnitude(other.state.luminosity, other.state.teff)
    exists = orbit.exists & other.good & known & seen
    return Pair(orbit._replace(exists=exists), other, 10 ** (0.4 * jnp.where(exists, own - its, 0.0)))


def both_magnitudes(absolute: Float[Array, ""], pair: Pair | None) -> Float[Array, ""]:
    """Absolute magnitude of a star with its companion. [mag]"""
    if pair is None:
        return absolute
    return absolute - 2.5 * jnp.log10(1.0 + jnp.where(pair.orbit.exists, pair.flux_ratio, 0.0))


def stable_planets(star: Star, planets: Planets, pair: Pair | None, mass: Float[Array, ""]) -> Planets:
    """The planets that a companion of this mass [M_sun] leaves in their orbits."""
    if pair is None:
        return planets
    orbit = pair.orbit
    widest = _STABLE * semi_major_axis(star.mass + mass, orbit.period) * (1.0 - orbit.ecc)
    kept = ~orbit.exists | (semi_major_axis(star.mass + planets.mass, planets.period) < widest)
    size, weight = (jnp.where(kept, x, 0.0) for x in (planets.radius_ratio, planets.mass))
    return eqx.tree_at(lambda p: (p.radius_ratio, p.mass), planets, (size, weight))


def bound(
    prior: Prior, pair: Pair, system: System, companion: System, turn: Float[Array, ""]
) -> tuple[System, System]:
    """Both stars with their pull on each other: as occulters, or as the velocity of mid-window.

    Args:
        prior: Whether they are occulters.
        pair: Their orbit.
        system: The primary.
        companion: Its companion.
        turn: Projected angle from either spin to the orbit's axis. [rad]
    """
    assert prior.binaries is not None
    first, second = occulters(pair.orbit, system.star, companion.star, turn)
    if prior.binaries.eclipses:
        return _occulted(system, first), _occulted(companion, second)
    middle = 0.5 * (prior.start + prior.stop)
    day = jnp.floor(middle)
    epoch = Epochs(day[None], (middle - day)[None])
    return _pulled(system, first, epoch), _pulled(companion, second, epoch)


def _occulted(system: System, by: Planets) -> System:
    planets = jax.tree.map(lambda *x: jnp.concatenate(x), system.planets, by)
    return System(system.star, system.spots, planets)


def _pulled(system: System, by: Planets, epoch: Epochs) -> System:
    rv = system.star.rv + reflex_velocity(system.star, by, epoch)[0]
    return eqx.tree_at(lambda s: s.star.rv, system, rv)


def drawn_turn(pair: Pair, *, key: Key[Array, ""]) -> Float[Array, ""]:
    """Projected angle from either star's spin to the orbit's axis, 0 where tides have aligned them. [rad]"""
    turn = 2 * jnp.pi * jax.random.uniform(key, dtype=pair.orbit.period.dtype)
    return jnp.where(pair.lock[0], 0.0, turn)


def pair_labels(
    prior: Prior, pair: Pair, system: System, companion: System, turn: Float[Array, ""]
) -> dict[str, Array]:
    """What is known of a pair; numbers are NaN for a single star."""
    assert prior.binaries is not None
    orbit, star, other = pair.orbit, system.star, companion.star
    axis = semi_major_axis(star.mass + other.mass, orbit.period) / _AU_R_SUN
    numbers = {
        "mass_ratio": other.mass / star.mass,
        "flux_ratio": pair.flux_ratio,
        "binary_period": orbit.period,
        "binary_ecc": orbit.ecc,
        "binary_inc": orbit.inc,
        "binary_omega": orbit.omega,
        "binary_t_conjunction": orbit.t_conjunction,
        "binary_obliquity": turn,
        "companion_teff": other.teff,
    }
    return {
        **{name: jnp.where(orbit.exists, x, jnp.nan) for name, x in numbers.items()},
        "is_binary": orbit.exists,
        "is_blended": orbit.exists & (axis / star.distance < prior.binaries.aperture),
        # of what is in the light: without occulters no eclipse is
        "is_eclipsing": is_eclipsing(orbit, star, other) & prior.binaries.eclipses,
    }
