"""The posterior of free parameters: in their own units for a person, on the real line for walkers."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from dynamojax.inference.likelihood import Study, log_likelihood, residuals
from dynamojax.inference.parameters import Parameters

_NOISE = ("jitter", "dof", "gp_sigma", "gp_rho", "gp_width")


class Problem(eqx.Module):
    """A study and what is free in it: all that a fit needs, a pytree to be passed and vmapped."""

    study: Study
    parameters: Parameters

    def log_posterior(self, values: Float[Array, " n"]) -> Float[Array, ""]:
        """Log likelihood plus ln prior of parameters in canonical units, flat priors left out."""
        scene = self.parameters.put(values)
        return log_likelihood(self.study, scene) + self.parameters.log_prior(values)

    def log_posterior_free(self, free: Float[Array, " n"]) -> Float[Array, ""]:
        """The same at a point of the real line, without the slope of the map: for optimisers."""
        return self.log_posterior(self.parameters.bounds.inside(free))

    def log_density(self, free: Float[Array, " n"]) -> Float[Array, ""]:
        """Density on the real line, for samplers."""
        return self.log_posterior_free(free) + jnp.sum(self.parameters.bounds.log_slope(free))

    def residuals(self, values: Float[Array, " n"]) -> Float[Array, " m"]:
        """Whitened residuals of data and of Gaussian priors, of parameters in canonical units."""
        data = residuals(self.study, self.parameters.put(values))
        prior = self.parameters.prior_residuals(values)
        return jnp.concatenate([data, jnp.stack(prior)]) if prior else data

    def residuals_free(self, free: Float[Array, " n"]) -> Float[Array, " m"]:
        """The same at a point of the real line."""
        return self.residuals(self.parameters.bounds.inside(free))

    @property
    def is_least_squares(self) -> bool:
        """Whether residuals are all there is: white Gaussian noise of known size, Gaussian or flat priors."""
        known = not any(self._is_noise)
        return self.study.is_least_squares and known and self.parameters.are_priors_gaussian

    @property
    def _is_noise(self) -> list[bool]:
        return [place[2] in _NOISE for place in self.parameters.places]

    @property
    def is_white(self) -> bool:
        """Whether all noise is Gaussian, white and of known size: chi square then judges a fit."""
        return self.study.is_least_squares and not any(self._is_noise)

    def with_known_noise(self) -> "Problem":
        """The same with the free parameters of noise held at the scene's values, for least squares."""
        active = self.parameters.is_active & ~np.array(self._is_noise)
        return eqx.tree_at(lambda p: p.parameters.is_active, self, active)
