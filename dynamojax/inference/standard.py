"""Coordinates in which the prior of every parameter is a standard normal: for modes and importance sampling.

What data do not hold keeps unit width there instead of running off to a bound, so that a curvature is always
positive and least squares know all of every prior. Angles that go round are left as they are, flat on the
circle; parameters without a proper prior keep the line of their bounds, and the slope of that map.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from dynamojax.inference.likelihood import residuals
from dynamojax.inference.priors import LogUniform, Normal, flat_from_normal, flat_to_normal
from dynamojax.inference.problem import Problem

ROUND = ("lon", "omega", "obliquity")
_WIDEST = 4.0  # standard deviations of the prior: where an end at a bound is put


def sort_of(kind: str, field: str, prior) -> str:
    """Whether normal (a proper prior), round (flat on the circle) or line (as the bounds have it)."""
    if isinstance(prior, Normal) or kind == "interval":
        return "normal"
    if isinstance(prior, LogUniform) or kind != "line" or prior is not None:
        return "line"
    return "round" if field in ROUND else "line"


class Standard(eqx.Module):
    """A problem in standard coordinates; what is held has none.

    Attributes:
        problem: In its own parameters.
        active: Which of its parameters have coordinates, static.
        sorts: normal, round or line, of these, static.
    """

    problem: Problem
    active: tuple[int, ...] = eqx.field(static=True)
    sorts: tuple[str, ...] = eqx.field(static=True)

    @staticmethod
    def of(problem: Problem) -> "Standard":
        """On the host.

        Raises:
            ValueError: nothing is free.
        """
        p = problem.parameters
        active = tuple(int(i) for i in np.flatnonzero(np.asarray(p.is_active)))
        if not active:
            raise ValueError("every parameter is held: there is no posterior; free at least one")
        sorts = tuple(sort_of(p.bounds.kinds[i], p.places[i][2], p.priors[i]) for i in active)
        return Standard(problem, active, sorts)

    @property
    def is_round(self) -> np.ndarray:
        """Which coordinates go round, with the period 2 pi."""
        return np.array([sort == "round" for sort in self.sorts])

    @property
    def names(self) -> tuple[str, ...]:
        """Of the parameters that have coordinates."""
        return tuple(self.problem.parameters.names[i] for i in self.active)

    def _where(self, sort: str) -> list[tuple[int, int]]:
        return [(i, j) for i, (j, s) in enumerate(zip(self.active, self.sorts, strict=True)) if s == sort]

    def inside(self, z: Float[Array, " m"]) -> Float[Array, " n"]:
        """All parameters, in canonical units, of coordinates."""
        p = self.problem.parameters
        values, line = p.start, p.bounds.inside(jnp.zeros_like(p.start).at[np.array(self.active)].set(z))
        for i, j in self._where("normal"):
            unit = p.units[j]
            ends = p.bounds.low[j] / unit, p.bounds.high[j] / unit
            prior = p.priors[j]
            declared = flat_from_normal(z[i], *ends) if prior is None else prior.from_normal(z[i], *ends)
            values = values.at[j].set(declared * unit)
        for i, j in self._where("round"):
            values = values.at[j].set(z[i])
        for _, j in self._where("line"):
            values = values.at[j].set(line[j])
        return values

    def outside(self, values: Float[Array, " n"], *, unclipped: bool = False) -> Float[Array, " m"]:
        """Coordinates of parameters; those at a bound are put a little inside, unless unclipped."""
        p = self.problem.parameters
        line, z = p.on_line(values), []
        for j, sort in zip(self.active, self.sorts, strict=True):
            unit = p.units[j]
            ends = p.bounds.low[j] / unit, p.bounds.high[j] / unit
            to = flat_to_normal if p.priors[j] is None else getattr(p.priors[j], "to_normal", None)
            if sort == "normal" and to is not None:
                widest = jnp.inf if unclipped else _WIDEST
                z.append(jnp.clip(to(values[j] / unit, *ends), -widest, widest))
            else:
                z.append(values[j] if sort == "round" else line[j])
        return jnp.stack(z)

    def _log_likelihood(self, z: Array, values: Array) -> Array:
        """Without the standard normal part: ln likelihood, and priors and slopes of what is on the line."""
        p, log = self.problem.parameters, self.problem.log_posterior(values)
        for _, j in self._where("normal"):
            if (prior := p.priors[j]) is not None:
                log = log - prior.log_density(values[j] / p.units[j])
        on_line = np.array([j for _, j in self._where("line")], int)
        slopes = p.bounds.log_slope(jnp.zeros_like(p.start).at[np.array(self.active)].set(z))
        return log + jnp.sum(slopes[on_line])

    def log_parts(self, z: Float[Array, " m"]) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """Natural logs of the likelihood, and of the prior density, normalised if proper."""
        normal = np.array([sort == "normal" for sort in self.sorts])
        prior = -0.5 * jnp.sum(jnp.where(normal, z**2 + np.log(2 * np.pi), 0))
        prior = prior - np.log(2 * np.pi) * int(self.is_round.sum())
        return self._log_likelihood(z, self.inside(z)), prior

    def log_density(self, z: Float[Array, " m"]) -> Float[Array, ""]:
        """Natural log of the posterior density, up to the evidence."""
        likelihood, prior = self.log_parts(z)
        return likelihood + prior

    def residuals_free(self, z: Float[Array, " m"]) -> Float[Array, " k"]:
        """Whitened residuals of data and priors; in white noise half their square is minus ln density."""
        data = residuals(self.problem.study, self.problem.parameters.put(self.inside(z)))
        normal = [i for i, sort in enumerate(self.sorts) if sort == "normal"]
        return jnp.concatenate([data, z[np.array(normal, int)]])
