"""Priors of single parameters, in the unit the parameter is declared in; flat between bounds without one.

`from_normal` maps a standard normal number to a value between bounds whose density is the prior's there.
"""

from dataclasses import dataclass

import equinox as eqx
import jax.numpy as jnp
from jax.scipy.special import ndtr, ndtri
from jaxtyping import Array, Float

from dynamojax.numerics import as_float


class Normal(eqx.Module):
    """A Gaussian.

    Attributes:
        mean: [unit of the parameter]
        deviation: Standard deviation. [unit of the parameter]
    """

    mean: Float[Array, ""] = eqx.field(converter=as_float)
    deviation: Float[Array, ""] = eqx.field(converter=as_float)

    def residual(self, value: Float[Array, ""]) -> Float[Array, ""]:
        """Whose half square is minus the log density, up to a constant."""
        return (value - self.mean) / self.deviation

    def log_density(self, value: Float[Array, ""]) -> Float[Array, ""]:
        """Natural log, normalised on the whole line."""
        return -0.5 * self.residual(value) ** 2 - jnp.log(self.deviation) - 0.5 * jnp.log(2 * jnp.pi)

    def from_normal(self, z: Array, low: Array, high: Array) -> Array:
        """Value of a standard normal number; the Gaussian is cut off at the bounds."""
        below, above = ndtr(self.residual(low)), ndtr(self.residual(high))
        # Without bounds the two maps undo each other; by themselves they would lose the tails.
        cut = ndtri(below + (above - below) * ndtr(z))
        return self.mean + self.deviation * jnp.where((below > 0) | (above < 1), cut, z)

    def to_normal(self, value: Array, low: Array, high: Array) -> Array:
        """The other way round."""
        below, above = ndtr(self.residual(low)), ndtr(self.residual(high))
        cut = ndtri((ndtr(self.residual(value)) - below) / (above - below))
        return jnp.where((below > 0) | (above < 1), cut, self.residual(value))


class LogUniform(eqx.Module):
    """A positive parameter whose logarithm is uniform, as a scale that is not known."""

    def log_density(self, value: Float[Array, ""]) -> Float[Array, ""]:
        """Natural log, up to a constant."""
        return -jnp.log(value)

    def from_normal(self, z: Array, low: Array, high: Array) -> Array:
        """Value of a standard normal number."""
        return jnp.exp(flat_from_normal(z, jnp.log(low), jnp.log(high)))

    def to_normal(self, value: Array, low: Array, high: Array) -> Array:
        """The other way round."""
        return flat_to_normal(jnp.log(value), jnp.log(low), jnp.log(high))


class Isotropic(eqx.Module):
    """Of an inclination in degrees: directions are random, the density goes as its sine."""

    def log_density(self, value: Float[Array, ""]) -> Float[Array, ""]:
        """Natural log, up to a constant."""
        return jnp.log(jnp.abs(jnp.sin(jnp.deg2rad(value))))

    def from_normal(self, z: Array, low: Array, high: Array) -> Array:
        """Value of a standard normal number."""
        ends = jnp.cos(jnp.deg2rad(low)), jnp.cos(jnp.deg2rad(high))
        return jnp.rad2deg(jnp.arccos(flat_from_normal(z, *ends)))

    def to_normal(self, value: Array, low: Array, high: Array) -> Array:
        """The other way round."""
        return flat_to_normal(*(jnp.cos(jnp.deg2rad(x)) for x in (value, low, high)))


class OnSphere(eqx.Module):
    """Of a latitude in degrees: alike on every piece of the surface, the density goes as its cosine."""

    def log_density(self, value: Float[Array, ""]) -> Float[Array, ""]:
        """Natural log, up to a constant."""
        return jnp.log(jnp.cos(jnp.deg2rad(value)))

    def from_normal(self, z: Array, low: Array, high: Array) -> Array:
        """Value of a standard normal number."""
        ends = jnp.sin(jnp.deg2rad(low)), jnp.sin(jnp.deg2rad(high))
        return jnp.rad2deg(jnp.arcsin(flat_from_normal(z, *ends)))

    def to_normal(self, value: Array, low: Array, high: Array) -> Array:
        """The other way round."""
        return flat_to_normal(*(jnp.sin(jnp.deg2rad(x)) for x in (value, low, high)))


def flat_from_normal(z: Array, low: Array, high: Array) -> Array:
    """Uniform between two ends, from a standard normal number."""
    return low + (high - low) * ndtr(z)


def flat_to_normal(value: Array, low: Array, high: Array) -> Array:
    """The other way round."""
    return ndtri((value - low) / (high - low))


Distribution = Normal | LogUniform | Isotropic | OnSphere


@dataclass(frozen=True)
class Free:
    """A parameter that a fit may change: `Free("star.prot", 8, 12)`, `Free("spots.lat_deg[0]", -60, 60)`.

    Attributes:
        name: Leaf of the system, with an index for one spot or planet; without it, all of them. Angles take
            the suffix `_deg`; then bounds, prior and results are in degrees. `NAME.jitter` and the like,
            with the name of a data set, are its nuisances; with several stars their names come first.
        low: Lower end; what the grid and physics allow if left out. [unit of the parameter]
        high: Upper end. [unit of the parameter]
        prior: Flat between the ends if left out.
    """

    name: str
    low: float | int | None = None
    high: float | int | None = None
    prior: Distribution | None = None
