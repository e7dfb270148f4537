"""Coordinates of a posterior in which what a light curve measures is straight: how fast its spots go round.

Data hold the rates of single spots, to the error of a longitude over the time span; the equatorial
period, the shear and the latitudes are then tied to each other along narrow curved ridges, on which
proposals and walkers get stuck. The rates' mean and difference of the first two spots, in place of period
and shear, unbend them.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from dynamojax.inference.standard import Standard


class Comoving(eqx.Module):
    """Standard coordinates, period and shear replaced where both are free and two latitudes are.

    Attributes:
        standard: Where they come from.
        span: Of the data. [day]
        pair: Columns of period and shear; empty where nothing is replaced, static.
        lats: Columns of the two spots' latitudes, static.
        known: The same parameters with a part of the data, which counts as prior; None if there is none.
    """

    standard: Standard
    span: float = eqx.field(static=True)
    pair: tuple[int, ...] = eqx.field(static=True)
    lats: tuple[int, ...] = eqx.field(static=True)
    known: Standard | None = None

    @staticmethod
    def of(standard: Standard, known: Standard | None = None) -> "Comoving":
        """On the host; of systems with one star only."""
        p = standard.problem.parameters
        at = {p.places[j]: i for i, j in enumerate(standard.active)}
        pair = tuple(at.get(("", "star", name, None), -1) for name in ("prot", "shear"))
        lats = tuple(
            i for (root, owner, field, _), i in at.items() if (root, owner, field) == ("", "spots", "lat")
        )
        is_whole = min(pair) >= 0 and len(lats) >= 2
        where = [np.ptp(np.asarray(d.where)) for sets in standard.problem.study.data.values() for d in sets]
        span = float(max([x for x in where if x > 1.0], default=1.0))
        return Comoving(standard, span, pair if is_whole else (), lats[:2] if is_whole else (), known)

    def _of(self, z: Array, columns: tuple[int, ...]) -> Array:
        active = np.array(self.standard.active)[np.array(columns, int)]
        return self.standard.inside(z)[active]

    def to(self, z: Float[Array, " m"]) -> Float[Array, " m"]:
        """From standard coordinates."""
        if not self.pair:
            return z
        (prot, shear), lat = self._of(z, self.pair), self._of(z, self.lats)
        rate = 2 * jnp.pi / prot
        rates = rate * (1 - shear * jnp.sin(lat) ** 2)
        new = self.span * jnp.stack([0.5 * (rates[0] + rates[1]), rates[1] - rates[0]])
        return z.at[np.array(self.pair)].set(new)

    def back(self, y: Float[Array, " m"]) -> Float[Array, " m"]:
        """Standard coordinates; NaN where no period and shear between the bounds make such rates."""
        return self._back(y)[0]

    def _back(self, y: Array) -> tuple[Array, Array]:
        """And ln of the change of volume."""
        if not self.pair:
            return y, jnp.zeros((), y.dtype)
        columns = np.array(self.pair)
        sines = jnp.sin(self._of(y, self.lats)) ** 2
        start = self.standard.problem.parameters.start
        places = np.array(self.standard.active)[columns]

        def pair_of(two):
            mean, difference = two / self.span
            slowing = -difference / (sines[1] - sines[0])
            rate = mean + 0.5 * slowing * (sines[0] + sines[1])
            values = jnp.stack([2 * jnp.pi / rate, slowing / rate])
            return self.standard.outside(start.at[places].set(values), unclipped=True)[columns]

        two = y[columns]
        slopes = jax.jacfwd(pair_of)(two)
        det = slopes[0, 0] * slopes[1, 1] - slopes[0, 1] * slopes[1, 0]
        return y.at[columns].set(pair_of(two)), jnp.log(jnp.abs(det))

    def log_parts(self, y: Float[Array, " m"]) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """Natural logs of likelihood and prior density in these coordinates; NaN where there is none."""
        z, volume = self._back(y)
        likelihood, prior = self.standard.log_parts(z)
        if self.known is not None:
            before, _ = self.known.log_parts(z)
            likelihood, prior = likelihood - before, prior + before
        return likelihood, prior + volume

    def log_density(self, y: Float[Array, " m"]) -> Float[Array, ""]:
        """Their sum."""
        likelihood, prior = self.log_parts(y)
        return likelihood + prior
