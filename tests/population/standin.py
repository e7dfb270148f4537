"""A small population with the interface of the real one, and a data set of it that takes seconds."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import dynamojax as dj
from dynamojax.numerics import stream
from dynamojax.population.recipe import Recipe
from dynamojax.population.stars import CurveNoise, StarMaker
from dynamojax.system import Epochs

BAD = 13  # its spots are larger than a hemisphere: it is drawn, and cannot be simulated


class Sample(eqx.Module):
    system: dj.System
    companion: dj.System | None
    labels: dict
    valid: jax.Array


class Prior(eqx.Module):
    hottest: jax.Array = eqx.field(converter=jnp.asarray)
    n_spots: int = eqx.field(static=True, default=4)


def sample_star(root, star_id, prior, tracks):
    """Drawn from a key of its own; every 10th star, from 7 on, is none."""
    key = jax.random.fold_in(root, star_id)
    u = jax.random.uniform(stream(key, "star"), (3,))
    lat, lon, radius, t_max = jax.random.uniform(stream(key, "spots"), (4, prior.n_spots))
    star = dj.Star.from_degrees(
        teff=4500.0 + (prior.hottest - 4500.0) * u[0], prot=2 + 20 * u[1], inc_deg=90 * u[2]
    )
    radius = jnp.where(star_id == BAD, 100.0, 2 + 4 * radius)
    spots = dj.SpotMap.from_degrees(
        60 * lat - 30, 360 * lon, radius, t_max=3 * t_max, tau_emerge=2.0, tau_decay=8.0
    )
    labels = {"age_gyr": 10 * u[0], "is_young": u[0] < 0.3, "n_flares": jnp.asarray(3 * u[1], int)}
    return Sample(dj.System(star, spots, dj.Planets.empty()), None, labels, star_id % 10 != 7)


def observe(simulator, drawn):
    return simulator(drawn.system)


def recipe(n_stars=30, shard_stars=8, n_times=24, **changes) -> Recipe:
    photometer = dj.Photometer("kepler", ("kepler",), np.arange(n_times) / 8.0, 0.02)
    grid = dj.load_grid()
    simulator = dj.Simulator(grid, [photometer])
    noise = CurveNoise(
        dj.white_noise(100.0), Epochs.from_days(photometer.times), 0.02,
        grid.select(("kepler",)).ab_zero_point, jnp.nan, photometer,
    )  # fmt: skip
    groups = ("spots", "clean", "noisy")
    maker = StarMaker(Prior(6500.0), None, simulator, (noise,), (), (), sample_star, observe, groups)
    configuration = {"generate": {"stars": n_stars, "seed": 3}, "photometers": [{"n": n_times}]}
    return Recipe(
        **{
            **{"maker": maker, "seed": 3, "n_stars": n_stars, "configuration": configuration},
            **{"shard_stars": shard_stars, "label_units": {"age_gyr": "Gyr"}},
            **changes,
        }
    )
