"""Frames and projection: where a point of the rotating surface stands for the observer.

The observer is on +z, the projected spin axis on +y, the receding limb of a prograde rotator at +x.
With phase phi = lon + Omega(lat) t and inclination i (0 is pole-on),

    x = cos(lat) sin(phi)
    y = sin(lat) sin(i) - cos(lat) cos(phi) cos(i)
    z = sin(lat) cos(i) + cos(lat) cos(phi) sin(i) = mu.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from dynamojax.constants import DAY_S, R_SUN_KM
from dynamojax.numerics import cos_turns, sin_turns, turns
from dynamojax.system import Epochs, Star


def rotation_frequency(star: Star, lat: Float[Array, "..."]) -> Float[Array, "..."]:
    """Rotation frequency at a latitude under differential rotation, in 1/day.

    Source: solar-type law Omega(lat) = Omega_eq (1 - shear sin^2 lat).
    """
    return (1.0 - star.shear * jnp.sin(lat) ** 2) / star.prot


def rotation_turns(
    star: Star, lat: Float[Array, " n"], lon: Float[Array, " n"], epochs: Epochs
) -> Float[Array, "n n_times"]:
    """Phase of surface points in revolutions, modulo one, 0 at the central meridian."""
    frequency = rotation_frequency(star, lat)[:, None]
    phase = turns(epochs.day, epochs.fraction, frequency) + (lon / (2 * jnp.pi))[:, None]
    return phase - jnp.round(phase)


def cos_view_angle(
    star: Star, lat: Float[Array, " n"], lon: Float[Array, " n"], epochs: Epochs
) -> Float[Array, "n n_times"]:
    """mu, the cosine of the angle between surface points and the line of sight."""
    tilt = (jnp.cos(lat) * jnp.sin(star.inc))[:, None]
    level = (jnp.sin(lat) * jnp.cos(star.inc))[:, None]
    return tilt * cos_turns(rotation_turns(star, lat, lon, epochs)) + level


def sky_positions(
    star: Star, lat: Float[Array, " n"], lon: Float[Array, " n"], epochs: Epochs
) -> Float[Array, "3 n n_times"]:
    """Unit vectors (x, y, z) of surface points in the observer's frame."""
    phase = rotation_turns(star, lat, lon, epochs)
    cos_phase, sin_phase = cos_turns(phase), sin_turns(phase)
    cos_lat, sin_lat = jnp.cos(lat)[:, None], jnp.sin(lat)[:, None]
    cos_inc, sin_inc = jnp.cos(star.inc), jnp.sin(star.inc)
    x = cos_lat * sin_phase
    y = sin_lat * sin_inc - cos_lat * cos_phase * cos_inc
    z = sin_lat * cos_inc + cos_lat * cos_phase * sin_inc
    return jnp.stack([x, y, z])


def equatorial_velocity(star: Star) -> Float[Array, ""]:
    """Rotation velocity at the equator. [km/s]"""
    return 2 * jnp.pi * R_SUN_KM / DAY_S * star.radius / star.prot


def fastest_rotation(star: Star) -> Float[Array, ""]:
    """Largest rotation velocity on the disc: under negative shear, not the equator's. [km/s]"""
    return equatorial_velocity(star) * jnp.sin(star.inc) * (1 + jnp.maximum(-star.shear, 0))


def relative_rotation(star: Star, points: Float[Array, "3 *n"]) -> Float[Array, " *n"]:
    """Velocity away from us of points of the disc, over vsini: x, less what shear slows it by. [1]"""
    x, y, mu = points
    sin_lat = y * jnp.sin(star.inc) + mu * jnp.cos(star.inc)
    return x * (1 - star.shear * sin_lat**2)


def rotation_velocity(star: Star, points: Float[Array, "3 *n"]) -> Float[Array, " *n"]:
    """Velocity away from us of points of the disc, by rotation; positive recedes. [km/s]"""
    return equatorial_velocity(star) * jnp.sin(star.inc) * relative_rotation(star, points)
