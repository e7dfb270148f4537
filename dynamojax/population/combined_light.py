"""What an instrument records of a binary: the light of both stars in one aperture."""

import dataclasses

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from dynamojax.population.sampling import Sample
from dynamojax.simulate import Observables, Simulator
from dynamojax.simulate.light_curves import LightCurve
from dynamojax.simulate.spectra import Spectra


def observe(simulate: Simulator, sample: Sample) -> Observables:
    """Observables of one drawn star, with those of its companion added where there is one.

    Eclipses by spots and stars, limb darkening, the light of either behind the other, dilution, both spectra
    at their own velocities are in it. Not in it: the pull of a close companion on the star's shape, reflected
    light, beaming, and light travel time.

    Args:
        simulate: The simulator.
        sample: One star; a population by `jax.vmap`.
    """
    primary = simulate(sample.system)
    if sample.companion is None:
        return primary
    companion = simulate(sample.companion)
    area = (sample.companion.star.radius / sample.system.star.radius) ** 2
    return combined_light(primary, companion, sample.labels["is_blended"], area)


def combined_light(
    primary: Observables, companion: Observables, is_blended: Bool[Array, ""], area: Float[Array, ""]
) -> Observables:
    """The light of two stars as one.

    Args:
        primary: Of the primary, simulated alone.
        companion: Of the companion, simulated alone at the same distance.
        is_blended: Whether the companion exists and its light is measured with the primary's; if not, what is
            returned is the primary's.
        area: Disc of the companion over the primary's. [1]

    Returns:
        Light curves relative to both stars immaculate, baselines and spectra summed, covered shares of both
        discs together; velocities are the primary's.
    """

    def of_companion(x):
        return jnp.where(is_blended, x, jnp.zeros_like(x))

    curves = {
        name: _sum_of_curves(curve, companion.light_curves[name], of_companion, area)
        for name, curve in primary.light_curves.items()
    }
    spectra = {
        name: Spectra(one.flux + of_companion(companion.spectra[name].flux), one.velocity)
        for name, one in primary.spectra.items()
    }
    valid = primary.valid & (companion.valid | ~is_blended)
    return dataclasses.replace(primary, light_curves=curves, spectra=spectra, valid=valid)


def _sum_of_curves(one: LightCurve, other: LightCurve, of_companion, area) -> LightCurve:
    total = one.baseline + of_companion(other.baseline)
    light = one.flux * one.baseline[:, None] + of_companion(other.flux * other.baseline[:, None])
    discs = 1.0 + of_companion(area)

    def covered(a, b) -> Float[Array, " n_times"]:
        return (a + of_companion(area * b)) / discs

    return LightCurve(
        light / total[:, None],
        total,
        covered(one.spot_fraction, other.spot_fraction),
        covered(one.facula_fraction, other.facula_fraction),
    )
