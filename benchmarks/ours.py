"""The job done by this package: from parameters to flux, as the simulator composes its stages."""

from dataclasses import fields, replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.job import Job
from dynamojax.surface.moments import SurfaceConfig, surface_moments
from dynamojax.system import Epochs, SpotMap, Star

SUM = SurfaceConfig(overlap="sum")


def flux(star, spots, epochs, contrast, bands, config=SUM):
    """Flux of one star in each band, over that of the immaculate star; bands hold a_k over the disc."""
    moments = surface_moments(star, spots, epochs, config, bands.shape[-1])
    return 1 - contrast * jnp.matmul(bands, moments.spot, precision=jax.lax.Precision.HIGHEST)


def misfit(star, spots, epochs, contrast, bands, config=SUM):
    """Sum of squares about a constant, and its gradient in every parameter but the epochs."""

    def loss(star, spots, contrast, bands):
        return jnp.sum((flux(star, spots, epochs, contrast, bands, config) - 0.99) ** 2)

    return jax.value_and_grad(loss, argnums=(0, 1, 2, 3))(star, spots, contrast, bands)


def mapped(function, chunk: int | None = None):
    """The same for a batch of stars that share their epochs: at once, or in chunks of stars."""
    if chunk is None:
        return jax.vmap(function, in_axes=(0, 0, None, 0, 0))

    def in_chunks(star, spots, epochs, contrast, bands):
        def one(leaves):
            return function(*leaves[:2], epochs, *leaves[2:])

        return jax.lax.map(one, (star, spots, contrast, bands), batch_size=None if chunk == 1 else chunk)

    return in_chunks


def with_config(function, config: SurfaceConfig):
    """The function with another way to compute the surface."""
    return partial(function, config=config)


def prepare(job: Job, n_bands: int = 1) -> tuple:
    """Arguments of `flux`; further bands have the limb darkening of the first, slightly changed."""
    full = np.ones_like(job.lat)
    star = Star.from_degrees(prot=job.prot, inc_deg=np.rad2deg(job.inc), shear=job.shear)
    spots = SpotMap(job.lat, job.lon, job.radius, job.t_max, full * job.tau_emerge, full * job.tau_decay)
    bands = [replace(job, u1=job.u1 - 0.01 * i).polynomial for i in range(n_bands)]
    contrast, bands = (jnp.asarray(x, star.inc.dtype) for x in (job.contrast, bands))
    return star, spots, Epochs.from_days(job.times), contrast, bands


def prepare_batch(jobs: list[Job], batch: int, n_bands: int = 1) -> tuple:
    """Arguments of `mapped(flux)` for a batch of stars, the jobs over and over."""
    each = [prepare(job, n_bands) for job in jobs]
    order = np.arange(batch) % len(jobs)

    def stack(*leaf):
        return jnp.asarray(np.stack([np.asarray(x) for x in leaf])[order])

    stacked = [jax.tree.map(stack, *leaf) for leaf in zip(*each, strict=True)]
    return stacked[0], stacked[1], each[0][2], stacked[3], stacked[4]


def rounded(job: Job, dtype: str) -> Job:
    """The job with its parameters as they arrive in this dtype: an error then is the package's own."""
    kind = np.dtype(dtype).type
    day = np.floor(job.times)
    values = {f.name: getattr(job, f.name) for f in fields(job) if f.name != "times"}
    changes = {name: np.asarray(value, kind).astype(float) for name, value in values.items()}
    return replace(job, **changes, times=day + (job.times - day).astype(kind).astype(float))
