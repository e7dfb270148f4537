"""Runs of emergence that several tests share."""

import jax
import jax.numpy as jnp
import numpy as np

from dynamojax.surface.activity import Activity, Emergence
from dynamojax.surface.emergence import emerge_spots
from dynamojax.surface.regions import draw_regions
from dynamojax.system import Star

YEAR = 365.25
SUN = Star.from_degrees()
# few configurations with many places, as each is compiled
UNIFORM = Emergence(n_spots=16000)
CYCLE = Emergence(n_spots=16000, modulation="cycle")
ANY = Emergence(n_spots=16000, nest_parents="any")
draw = jax.jit(draw_regions)
emerge = jax.jit(emerge_spots)


def drawn(activity, config, start, stop, seed=1, star=SUN):
    """Regions of the window as float64 arrays, and the places they take."""
    edges = (jnp.asarray(t, activity.level.dtype) for t in (start, stop))
    regions = draw(star, activity, config, *edges, key=jax.random.key(seed))
    assert regions.is_complete
    return jax.tree.map(np.asarray, regions), np.asarray(regions.is_active)


def map_of(activity=None, config=None, start=0.0, stop=300.0, seed=1, star=SUN):
    activity = Activity.from_degrees() if activity is None else activity
    return emerge(star, activity, config or Emergence(n_spots=300), start, stop, key=jax.random.key(seed))
