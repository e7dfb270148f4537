"""Distributions of one number, nearly all given by their quantile function.

Such a draw is the quantile of a uniform number, so it is differentiable in the distribution's parameters at a
fixed place in the distribution (reparameterised), and the same key gives the same place in any of them.
"""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from dynamojax.numerics import as_float, safe_divide
from dynamojax.system import leaf


class AbstractDistribution(eqx.Module):
    """Anything that a number can be drawn from."""

    @abc.abstractmethod
    def sample(self, *, key: Key[Array, ""]) -> Float[Array, ""]:
        """One draw."""


class AbstractQuantile(AbstractDistribution):
    """A distribution that knows its quantiles."""

    @abc.abstractmethod
    def quantile(self, u: Float[Array, ""]) -> Float[Array, ""]:
        """The value below which a share u of the draws lie, u in [0, 1]."""

    def sample(self, *, key: Key[Array, ""]) -> Float[Array, ""]:
        """One draw: the quantile of a uniform number."""
        return self.quantile(jax.random.uniform(key, dtype=jnp.result_type(float)))


class Fixed(AbstractQuantile):
    """Always the same value."""

    value: Float[Array, ""] = leaf()

    def quantile(self, u: Float[Array, ""]) -> Float[Array, ""]:
        """See `AbstractQuantile`."""
        return self.value + 0.0 * u


class Uniform(AbstractQuantile):
    """Every value between low and high alike."""

    low: Float[Array, ""] = leaf()
    high: Float[Array, ""] = leaf()

    def quantile(self, u: Float[Array, ""]) -> Float[Array, ""]:
        """See `AbstractQuantile`."""
        return self.low + (self.high - self.low) * u


class LogUniform(AbstractQuantile):
    """Every value of the logarithm between those of low and high alike; both above 0."""

    low: Float[Array, ""] = leaf()
    high: Float[Array, ""] = leaf()

    def quantile(self, u: Float[Array, ""]) -> Float[Array, ""]:
        """See `AbstractQuantile`."""
        return self.low * (self.high / self.low) ** u


class Normal(AbstractQuantile):
    """A normal law cut to [low, high], with the mean and deviation of the uncut one."""

    mean: Float[Array, ""] = leaf()
    deviation: Float[Array, ""] = leaf()
    low: Float[Array, ""] = eqx.field(converter=as_float, default=-np.inf)
    high: Float[Array, ""] = eqx.field(converter=as_float, default=np.inf)

    def quantile(self, u: Float[Array, ""]) -> Float[Array, ""]:
        """See `AbstractQuantile`."""
        low, high = (_cut_at(x, self.mean, self.deviation) for x in (self.low, self.high))
        return self.mean + self.deviation * _normal_quantile(u, low, high)


class LogNormal(AbstractQuantile):
    """A normal law of log10, cut to [low, high].

    Attributes:
        median: Of the uncut law, above 0.
        dex: Standard deviation of log10. [dex]
        low: Least value, 0 for none.
        high: Greatest value.
    """

    median: Float[Array, ""] = leaf()
    dex: Float[Array, ""] = leaf()
    low: Float[Array, ""] = eqx.field(converter=as_float, default=0.0)
    high: Float[Array, ""] = eqx.field(converter=as_float, default=np.inf)

    def quantile(self, u: Float[Array, ""]) -> Float[Array, ""]:
        """See `AbstractQuantile`."""
        centre = jnp.log10(self.median)
        low, high = (_cut_at(_log10(x), centre, self.dex) for x in (self.low, self.high))
        return self.median * 10 ** (self.dex * _normal_quantile(u, low, high))


def _log10(x):
    """log10, -inf at 0 without an infinite slope."""
    positive = x > 0
    return jnp.where(positive, jnp.log10(jnp.where(positive, x, 1.0)), -jnp.inf)


def _cut_at(x, mean, deviation):
    """A bound in standard deviations; an infinite one has no slope."""
    finite = jnp.isfinite(x)
    return jnp.where(finite, (jnp.where(finite, x, mean) - mean) / deviation, x)


def _normal_quantile(u, low, high):
    """Quantile of the standard normal law cut to [low, high]."""
    below, above = jax.scipy.special.ndtr(low), jax.scipy.special.ndtr(high)
    tiny = jnp.finfo(u.dtype).eps
    # The ends of an uncut law are infinite: a draw stays where a single-precision number can be.
    return jax.scipy.special.ndtri(jnp.clip(below + (above - below) * u, tiny / 4, 1 - tiny))


def _check_edges(edges, of_bins, name: str) -> None:
    n_edges, n_bins = edges.shape[-1], of_bins.shape[-1]
    if n_edges != n_bins + 1:
        raise ValueError(
            f"edges and {name} have {n_edges} and {n_bins} entries; give one edge more than {name}"
        )


def _bin_of(u, weights):
    """Number of the bin where the draws reach a share u, and how far into it, in [0, 1]."""
    share = jnp.cumsum(weights) / weights.sum()
    i = jnp.clip(jnp.searchsorted(share, u), 0, share.shape[0] - 1)
    before = jnp.where(i > 0, share[jnp.maximum(i - 1, 0)], 0.0)
    return i, safe_divide(u - before, share[i] - before)


class PowerLaws(AbstractQuantile):
    """Power laws joined without a step: density ~ x^slope[i] between edge[i] and edge[i + 1].

    Attributes:
        edges: Increasing, above 0.
        slopes: One for each interval.
    """

    edges: Float[Array, " n_edges"] = leaf()
    slopes: Float[Array, " n_slopes"] = leaf()

    def __check_init__(self):
        _check_edges(self.edges, self.slopes, "slopes")

    def quantile(self, u: Float[Array, ""]) -> Float[Array, ""]:
        """See `AbstractQuantile`."""
        power = self.slopes + 1.0
        ln_step = jnp.diff(jnp.log(self.edges))
        # Density at the left edge of each interval, relative to that of the first.
        rise = jnp.concatenate([jnp.zeros_like(power[:1]), jnp.cumsum(self.slopes * ln_step)[:-1]])
        weight = jnp.exp(rise) * self.edges[:-1] * ln_step * _expm1_ratio(power * ln_step)
        i, inside = _bin_of(u, weight)
        return self.edges[i] * jnp.exp(ln_step[i] * _log1p_ratio(power[i] * ln_step[i], inside))


def _expm1_ratio(x):
    """(e^x - 1) / x, 1 at 0."""
    small = jnp.abs(x) < 1e-3
    safe = jnp.where(small, 1.0, x)
    return jnp.where(small, 1.0 + 0.5 * x, jnp.expm1(safe) / safe)


def _log1p_ratio(x, u):
    """log(1 + u (e^x - 1)) / x, u at x = 0."""
    small = jnp.abs(x) < 1e-3
    safe = jnp.where(small, 1.0, x)
    return jnp.where(small, u * (1.0 + 0.5 * x * (1.0 - u)), jnp.log1p(u * jnp.expm1(safe)) / safe)


class Histogram(AbstractQuantile):
    """Bins of even density, such as a sample's.

    Attributes:
        edges: Of the bins, increasing.
        weights: Share of the draws in each bin, in any unit; none below 0.
    """

    edges: Float[Array, " n_edges"] = leaf()
    weights: Float[Array, " n_bins"] = leaf()

    def __check_init__(self):
        _check_edges(self.edges, self.weights, "weights")

    def quantile(self, u: Float[Array, ""]) -> Float[Array, ""]:
        """See `AbstractQuantile`."""
        i, inside = _bin_of(u, self.weights)
        return self.edges[i] + (self.edges[i + 1] - self.edges[i]) * inside


class Isotropic(AbstractQuantile):
    """Inclination of axes that point anywhere alike, 0 pole-on, uniform in its cosine. [rad]

    Attributes:
        low: Least inclination. [rad]
        high: Greatest inclination, at most pi/2: the other hemisphere is the same light curve. [rad]
    """

    low: Float[Array, ""] = eqx.field(converter=as_float, default=0.0)
    high: Float[Array, ""] = eqx.field(converter=as_float, default=np.pi / 2)

    def quantile(self, u: Float[Array, ""]) -> Float[Array, ""]:
        """See `AbstractQuantile`."""
        a, b = jnp.sin(0.5 * self.low) ** 2, jnp.sin(0.5 * self.high) ** 2
        # (1 - cos i) / 2 is even; through its square root the pole keeps its digits.
        return 2.0 * jnp.arcsin(jnp.sqrt(jnp.clip(a + (b - a) * u, jnp.finfo(u.dtype).tiny, 1.0)))


class Mixture(AbstractQuantile):
    """One distribution for a share of the draws, another for the rest.

    Attributes:
        share: Of the first. [1]
        first: Below, in the order of quantiles.
        second: The rest.
    """

    share: Float[Array, ""] = leaf()
    first: AbstractQuantile
    second: AbstractQuantile

    def quantile(self, u: Float[Array, ""]) -> Float[Array, ""]:
        """Of the first for u below its share, of the second beyond; not the order of the values."""
        of_first = u < self.share
        low = safe_divide(u, self.share)
        high = safe_divide(u - self.share, 1.0 - self.share)
        return jnp.where(
            of_first,
            self.first.quantile(jnp.where(of_first, low, 0.5)),
            self.second.quantile(jnp.where(of_first, 0.5, high)),
        )


class Rayleigh(AbstractQuantile):
    """Length of a plane vector of two normal components.

    Attributes:
        scale: Standard deviation of each component.
    """

    scale: Float[Array, ""] = leaf()

    def quantile(self, u: Float[Array, ""]) -> Float[Array, ""]:
        """See `AbstractQuantile`."""
        eps = jnp.finfo(u.dtype).eps
        return self.scale * jnp.sqrt(-2.0 * jnp.log1p(-jnp.clip(u, eps**2, 1.0 - eps)))
