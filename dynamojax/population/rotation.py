"""How fast a star turns, and how much its poles lag: draws from laws of age."""

import abc
from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from dynamojax.evolution.braking import ROSSBY_CRITICAL, prot_braked
from dynamojax.evolution.gyrochronology import Rotation, prot_clusters
from dynamojax.evolution.tracks import StellarState, TrackGrid, evolve
from dynamojax.evolution.turnover import turnover_cranmer
from dynamojax.numerics import stream
from dynamojax.population.distributions import AbstractDistribution, LogNormal
from dynamojax.system import leaf

_LOGG_SETTLED = 4.135  # a little above the least gravity for which the wind law knows moments of inertia
_N_HALVINGS = 10
_OLDEST_CLUSTER_GYR, _CLUSTER_TEFF = 4.0, (3800.0, 6200.0)  # of `prot_clusters`. [K]
_WIND_MASS = (0.3, 1.3)  # of `prot_braked`. [M_sun]


class Spin(NamedTuple):
    """Rotation of one star.

    Attributes:
        prot: Equatorial period. [day]
        by_law: Whether it follows from a law of age; False where a mere distribution stands in.
    """

    prot: Float[Array, ""]
    by_law: Bool[Array, ""]


class AbstractRotation(eqx.Module):
    """Anything that knows the rotation of a star of some mass, metallicity and age."""

    @abc.abstractmethod
    def __call__(
        self,
        tracks: TrackGrid,
        mass: Float[Array, ""],
        feh: Float[Array, ""],
        age_gyr: Float[Array, ""],
        state: StellarState,
        *,
        key: Key[Array, ""],
    ) -> Spin:
        """Rotation of one star; `state` is that of the tracks at its age."""


class WindRotation(AbstractRotation):
    """Braking by a magnetised wind from a scattered start, weakened in old stars (`evolution.braking`).

    Beyond the main sequence (log g below 4.135) angular momentum is kept while the star expands. Stars
    outside the masses of the law, 0.3 to 1.3 M_sun, take a distribution without age.

    Attributes:
        start: Period at age_start. [day]
        age_start: [Gyr]
        rossby_critical: Rossby number, over the Sun's, beyond which braking ceases; inf is braking for ever.
        hot: Periods of stars above 1.3 M_sun, or too hot for the law. [day]
        cool: Periods of stars below 0.3 M_sun. [day]
        n_steps: Of the integration.
    """

    start: AbstractDistribution
    age_start: Float[Array, ""] = leaf()
    rossby_critical: Float[Array, ""] = leaf()
    hot: AbstractDistribution
    cool: AbstractDistribution
    n_steps: int = eqx.field(static=True, default=16)

    def __call__(
        self,
        tracks: TrackGrid,
        mass: Float[Array, ""],
        feh: Float[Array, ""],
        age_gyr: Float[Array, ""],
        state: StellarState,
        *,
        key: Key[Array, ""],
    ) -> Spin:
        """See `AbstractRotation`."""
        age, start = self.began(tracks, mass, feh, age_gyr, state, key=key)
        return self.spin(*self.law(tracks, mass, feh, age, start), mass, state, key=key)

    def began(
        self, tracks: TrackGrid, mass, feh, age_gyr, state: StellarState, *, key: Key[Array, ""]
    ) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """Age at which the law is asked, at most that of leaving the main sequence [Gyr], and start [day]."""
        settled = _settled_age(tracks, mass, feh, age_gyr, self.age_start, state.logg)
        return settled, self.start.sample(key=stream(key, "start"))

    def law(
        self,
        tracks: TrackGrid,
        mass: Float[Array, ""],
        feh: Float[Array, ""],
        age_gyr: Float[Array, ""],
        start: Float[Array, ""],
    ) -> tuple[Rotation, StellarState]:
        """Rotation by the law alone at an age [Gyr], from a start [day], and the star at that age."""
        braked = prot_braked(
            tracks,
            mass,
            feh,
            age_gyr,
            prot_start=start,
            age_start_gyr=self.age_start,
            rossby_critical=self.rossby_critical,
            n_steps=self.n_steps,
        )
        return braked, evolve(tracks, mass, feh, age_gyr)

    def spin(
        self, braked: Rotation, then: StellarState, mass, state: StellarState, *, key: Key[Array, ""]
    ) -> Spin:
        """The law's rotation, slowed by expansion since then, or a draw where there is no law."""
        law = braked.prot * (state.radius / then.radius) ** 2
        free = stream(key, "free")
        loose = jnp.where(mass < _WIND_MASS[0], self.cool.sample(key=free), self.hot.sample(key=free))
        return Spin(jnp.where(braked.valid, law, loose), braked.valid)


def _settled_age(tracks, mass, feh, age, start, logg) -> Float[Array, ""]:
    """The age, or where the star has left the main sequence, that at which it did. [Gyr]"""

    def halve(_, ends):
        low, high = ends
        middle = jnp.sqrt(low * high)
        young = evolve(tracks, mass, feh, middle).logg >= _LOGG_SETTLED
        return jnp.where(young, middle, low), jnp.where(young, high, middle)

    ends = jax.lax.stop_gradient((jnp.minimum(start, age), age))
    tracks, mass, feh = jax.lax.stop_gradient((tracks, mass, feh))
    left = jax.lax.fori_loop(0, _N_HALVINGS, halve, ends)[0]
    return jnp.where(logg >= _LOGG_SETTLED, age, left)


class ClusterRotation(AbstractRotation):
    """A wind law led along the slow sequence of open clusters, and on from there.

    The law's periods are multiplied by what a star of the same mass and metallicity has in clusters over what
    the law gives it from the reference start, at its age or at 4 Gyr, the oldest cluster, if it is older. K
    stars of 2 to 4 Gyr turn a third faster than by the law alone: their spin-down stalls, as clusters show.

    Attributes:
        wind: The law; its scatter of starts remains.
        reference: Start of the slow sequence. [day]

    Source: `prot_clusters`, held at its ends below 3800 and above 6200 K.
    """

    wind: WindRotation
    reference: Float[Array, ""] = leaf()

    def __call__(
        self,
        tracks: TrackGrid,
        mass: Float[Array, ""],
        feh: Float[Array, ""],
        age_gyr: Float[Array, ""],
        state: StellarState,
        *,
        key: Key[Array, ""],
    ) -> Spin:
        """See `AbstractRotation`."""
        wind = self.wind
        began, start = wind.began(tracks, mass, feh, age_gyr, state, key=key)
        age = jnp.clip(age_gyr, wind.age_start, _OLDEST_CLUSTER_GYR)
        # side by side: each trace of the law takes seconds to compile
        both = jax.vmap(partial(wind.law, tracks, mass, feh))(
            jnp.stack([began, age]), jnp.stack([start, self.reference])
        )
        own, (law, young) = (jax.tree.map(lambda x, k=k: x[k], both) for k in (0, 1))
        spin = wind.spin(*own, mass, state, key=key)
        seen = prot_clusters(age, jnp.clip(young.teff, *_CLUSTER_TEFF))
        led = spin.by_law & law.valid & seen.valid
        factor = jnp.where(led, seen.prot, 1.0) / jnp.where(led, law.prot, 1.0)
        return Spin(spin.prot * factor, spin.by_law)


def kepler_rotation() -> ClusterRotation:
    """Starts about 6 days, of which F stars keep a memory for life.

    Source: the span of starts, 1 to 12 days or so, is that of open clusters of 0.1 Gyr (Matt et al. 2015,
        ApJL 799, L23, section 4), its median what F stars of Santos et al. (2021, ApJS 255, 17) ask for;
        hot stars are a fifth slower than their median at 6250-7000 K, and spread as there.
    """
    wind = WindRotation(
        LogNormal(6.3, 0.3, 0.8, 15.0),
        0.1,
        ROSSBY_CRITICAL,
        hot=LogNormal(6.0, 0.36, 0.5, 40.0),
        cool=LogNormal(20.0, 0.6, 0.3, 150.0),
    )
    return ClusterRotation(wind, 8.0)


class DrawnRotation(AbstractRotation):
    """Periods that know nothing of the star: one distribution for all. [day]"""

    prot: AbstractDistribution

    def __call__(
        self,
        tracks: TrackGrid,
        mass: Float[Array, ""],
        feh: Float[Array, ""],
        age_gyr: Float[Array, ""],
        state: StellarState,
        *,
        key: Key[Array, ""],
    ) -> Spin:
        """See `AbstractRotation`."""
        return Spin(self.prot.sample(key=key), jnp.asarray(False))


class ShearLaw(eqx.Module):
    """Differential rotation from the difference of angular velocity between equator and pole.

    Attributes:
        rate: That difference. [rad/day]
        highest: Relative shear that slow stars approach, whose rate would ask for more. [1]
    """

    rate: AbstractDistribution
    highest: Float[Array, ""] = leaf()

    def __call__(self, prot: Float[Array, ""], *, key: Key[Array, ""]) -> Float[Array, ""]:
        """Shear of a star of this period [day]. [1]"""
        relative = self.rate.sample(key=key) * prot / (2 * np.pi)
        return self.highest * jnp.tanh(relative / self.highest)


def kepler_shear() -> ShearLaw:
    """About the Sun's 0.05 rad/day, whatever the period and nearly whatever the temperature.

    Source: Reinhold, Reiners & Basri (2013), A&A 560, A4: the absolute shear hardly depends on period and
        rises little from 3500 to 6000 K; median and spread are our reading. The bound is ours.
    """
    return ShearLaw(LogNormal(0.05, 0.25), 0.5)


class RelativeShear(eqx.Module):
    """Relative shear from a distribution, whatever the period. [1]"""

    shear: AbstractDistribution

    def __call__(self, prot: Float[Array, ""], *, key: Key[Array, ""]) -> Float[Array, ""]:
        """Shear. [1]"""
        return self.shear.sample(key=key)


def turnover_held(teff: Float[Array, ""]) -> Float[Array, ""]:
    """Turnover time of Cranmer & Saar, held at its end values below 3300 and above 7000 K. [day]"""
    return turnover_cranmer(jnp.clip(teff, 3300.0, 7000.0))[0]
