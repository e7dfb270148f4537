"""Smooth maps between the real line, where optimisers and samplers walk, and where a parameter may lie."""

from functools import cached_property

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from dynamojax.numerics import as_float


def _kind(low: float, high: float) -> str:
    return {(1, 1): "interval", (1, 0): "above", (0, 1): "below", (0, 0): "line"}[
        int(np.isfinite(low)), int(np.isfinite(high))
    ]


class Bounds(eqx.Module):
    """Open intervals, half-lines and lines, one for each parameter; the ends are never reached.

    An interval is a logistic function of the real line, a half-line an exponential, a line itself.

    Attributes:
        low: Lower ends; -inf for none.
        high: Upper ends; inf for none.
        kinds: interval, above, below or line, static.
    """

    low: Float[Array, " n"] = eqx.field(converter=as_float)
    high: Float[Array, " n"] = eqx.field(converter=as_float)
    kinds: tuple[str, ...] = eqx.field(static=True)

    @staticmethod
    def of(low, high) -> "Bounds":
        """From sequences on the host.

        Raises:
            ValueError: an interval that is empty.
        """
        low, high = np.atleast_1d(np.asarray(low, float)), np.atleast_1d(np.asarray(high, float))
        for i, (a, b) in enumerate(zip(low, high, strict=True)):
            if not a < b:
                raise ValueError(f"bounds {i}: low = {a:g} must be below high = {b:g}")
        return Bounds(low, high, tuple(map(_kind, low, high)))

    @cached_property
    def _at(self) -> dict[str, np.ndarray]:
        kinds = np.array(self.kinds)
        return {kind: np.flatnonzero(kinds == kind) for kind in ("interval", "above", "below")}

    @property
    def somewhere(self) -> Float[Array, " n"]:
        """A value of each between its ends."""
        return self.inside(jnp.zeros_like(self.low))

    def inside(self, free: Float[Array, " n"]) -> Float[Array, " n"]:
        """Parameters of points on the real line."""
        both, above, below = self._at.values()
        low, high = self.low, self.high
        value = free.at[both].set(low[both] + (high - low)[both] * jax.nn.sigmoid(free[both]))
        value = value.at[above].set(low[above] + jnp.exp(free[above]))
        return value.at[below].set(high[below] - jnp.exp(-free[below]))

    def outside(self, value: Float[Array, " n"]) -> Float[Array, " n"]:
        """Points on the real line of parameters strictly inside; infinite or NaN at the ends and beyond."""
        both, above, below = self._at.values()
        low, high = self.low, self.high
        free = value.at[both].set(jnp.log(value - low)[both] - jnp.log(high - value)[both])
        free = free.at[above].set(jnp.log(value - low)[above])
        return free.at[below].set(-jnp.log(high - value)[below])

    def log_slope(self, free: Float[Array, " n"]) -> Float[Array, " n"]:
        """Natural log of d value / d free, for densities."""
        both, above, below = self._at.values()
        at = free[both]
        slope = jnp.log((self.high - self.low)[both]) + jax.nn.log_sigmoid(at) + jax.nn.log_sigmoid(-at)
        log = jnp.zeros_like(free).at[both].set(slope)
        return log.at[above].set(free[above]).at[below].set(-free[below])

    def is_strictly_inside(self, value) -> np.ndarray:
        """On the host: which values lie between the ends."""
        value = np.asarray(value)
        return (value > np.asarray(self.low)) & (value < np.asarray(self.high))
