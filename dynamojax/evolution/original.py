"""What the original system draws its populations from, by name, to compare with; not recommendations.

Formulas of `dataset/create_data.py` of Dynamo (Kamai, Perets & Bronstein 2026), commit 4d62d9c. Each draw
takes a key and n and returns n values. Its periods come from the fastlaunch tracks (`kiauhoku`).
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

_AGE_SUN_GYR = 4.6
_SATURATION_GYR = 0.2
_YEAR_DAY = 365.0  # as the original counts


def original_activity(age_gyr: Float[Array, "..."]) -> Float[Array, "..."]:
    """Activity relative to the Sun: (age/4.6)^-2.8, below 1 Gyr ^-1.2 shifted to join, constant below 0.2.

    The original joins and saturates at the nearest stars of its sample; this is the limit of a large one.
    """
    step = (1.0 / _AGE_SUN_GYR) ** -2.8 - (1.0 / _AGE_SUN_GYR) ** -1.2
    ratio = jnp.maximum(age_gyr, _SATURATION_GYR) / _AGE_SUN_GYR
    return jnp.where(age_gyr > 1.0, ratio**-2.8, ratio**-1.2 + step)


def original_mass(key: Key[Array, ""], n: int) -> Float[Array, " n"]:
    """Masses by the original's inverse sampling of a Kroupa law, 0.3 to 2. [M_sun].

    It sums the mass function over nodes even in log mass without their widths, so what it draws is one power
    steeper in mass than Kroupa's law.
    """
    nodes = 10 ** jnp.linspace(jnp.log10(0.3), jnp.log10(2.0), 1000)
    density = jnp.where(nodes < 0.5, nodes**-1.3, 0.5 * nodes**-2.3)
    share = jnp.cumsum(density)
    return jnp.interp(jax.random.uniform(key, (n,)), share / share[-1], nodes)


def original_feh(key: Key[Array, ""], n: int) -> Float[Array, " n"]:
    """Metallicities: normal, -0.03 +- 0.17. [dex]."""
    return -0.03 + 0.17 * jax.random.normal(key, (n,))


def original_alpha(key: Key[Array, ""], n: int) -> Float[Array, " n"]:
    """[alpha/Fe]: uniform, 0 to 0.4. [dex]."""
    return jax.random.uniform(key, (n,), maxval=0.4)


def original_age(key: Key[Array, ""], n: int) -> Float[Array, " n"]:
    """Ages: normal, 2.5 +- 2, cut to 0.05-10. [Gyr]."""
    low, high = (0.05 - 2.5) / 2.0, (10.0 - 2.5) / 2.0
    return 2.5 + 2.0 * jax.random.truncated_normal(key, low, high, (n,))


def original_shear(key: Key[Array, ""], n: int) -> Float[Array, " n"]:
    """Differential rotation: uniform, 0 to 1. [1]."""
    return jax.random.uniform(key, (n,))


def original_cycle(key: Key[Array, ""], n: int) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
    """Cycle lengths, normal 10 +- 2.8 yr, and overlaps, log-uniform 0.1 to 3 yr. [day]."""
    length, overlap = jax.random.split(key)
    years = 10.0 + 2.8 * jax.random.normal(length, (n,))
    log_overlap = jax.random.uniform(overlap, (n,), minval=-1.0, maxval=jnp.log10(3.0))
    return _YEAR_DAY * years, _YEAR_DAY * 10**log_overlap


def original_latitudes(
    activity: Float[Array, " n"], key: Key[Array, ""]
) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
    """Lowest latitude, uniform 0 to 20 deg, and highest, uniform from there to 90 - 50/activity deg. [rad].

    Stars whose highest latitude is above 90 deg are drawn again between 40 and 90.
    """
    low_key, high_key, again_key = jax.random.split(key, 3)
    n = activity.shape
    low = jax.random.uniform(low_key, n, maxval=20.0)
    top = jnp.maximum(low + 1.0, 90.0 - 50.0 / activity)
    high = low + (top - low) * jax.random.uniform(high_key, n)
    again = jax.random.uniform(again_key, n, minval=40.0, maxval=90.0)
    return jnp.deg2rad(low), jnp.deg2rad(jnp.where(high > 90.0, again, high))


def original_lifetime(key: Key[Array, ""], n: int) -> Float[Array, " n"]:
    """Spot lifetimes in rotations: normal 6 +- 2, those below 2 drawn again, uniform 2 to 4. [1]."""
    first, again = jax.random.split(key)
    value = 6.0 + 2.0 * jax.random.normal(first, (n,))
    return jnp.where(value < 2.0, jax.random.uniform(again, (n,), minval=2.0, maxval=4.0), value)


def original_inclination(key: Key[Array, ""], n: int) -> Float[Array, " n"]:
    """Inclinations of isotropic axes, 0 pole-on. [rad]."""
    return jnp.arccos(jax.random.uniform(key, (n,)))


def original_prot(key: Key[Array, ""], n: int) -> Float[Array, " n"]:
    """Periods where tracks have none: log-uniform, 10-50 for 80 % of the stars, 1-20 for the rest. [day]."""
    which, value = jax.random.split(key)
    slow = jax.random.permutation(which, jnp.arange(n) < int(0.8 * n))
    low, high = jnp.where(slow, 1.0, 0.0), jnp.where(slow, jnp.log10(50.0), jnp.log10(20.0))
    return 10 ** (low + (high - low) * jax.random.uniform(value, (n,)))


def original_butterfly(key: Key[Array, ""], n: int) -> Float[Array, " n"]:
    """Whether latitudes drift through the cycle: 1 for 80 % of the stars, else 0."""
    return jax.random.bernoulli(key, 0.8, (n,)).astype(jnp.result_type(float))
