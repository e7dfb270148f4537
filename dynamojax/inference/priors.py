"""Priors of single parameters, in the unit the parameter is declared in; flat between bounds without one."""

from dataclasses import dataclass

import equinox as eqx
import jax.numpy as jnp
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


class LogUniform(eqx.Module):
    """A positive parameter whose logarithm is uniform, as a scale that is not known."""

    def log_density(self, value: Float[Array, ""]) -> Float[Array, ""]:
        """Natural log, up to a constant."""
        return -jnp.log(value)


class Isotropic(eqx.Module):
    """Of an inclination in degrees: directions are random, the density goes as its sine."""

    def log_density(self, value: Float[Array, ""]) -> Float[Array, ""]:
        """Natural log, up to a constant."""
        return jnp.log(jnp.abs(jnp.sin(jnp.deg2rad(value))))


Distribution = Normal | LogUniform | Isotropic


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
