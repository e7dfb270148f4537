"""Peers doing the same job: one small function each, from the parameters of a star to its flux.

Each function takes a Job and returns (function, arguments): calling it gives the flux over that of the
immaculate star, and is what is timed. Whatever depends on the star's spots is inside; what depends only
on the peer's own grid or on the epochs is prepared before. Imports are local, so that a peer that is not
installed is merely absent.
"""

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from benchmarks.job import Job, frozen


@dataclass(frozen=True)
class Peer:
    """A package and one way to run it.

    Attributes:
        package: Its distribution.
        what: What its model does of the job, said beside its result.
        evolves: Whether it does the evolving, shearing star; otherwise it gets the frozen one.
        on_jax: Whether its function can be jitted and mapped over a batch.
        prepare: The function described above.
        is_heavy: Many seconds a star: left out unless asked for.
        compiler_options: For XLA, where its defaults do the peer an injustice.
    """

    package: str
    what: str
    evolves: bool
    on_jax: bool
    prepare: Callable[[Job], tuple[Callable, tuple]]
    is_heavy: bool = False
    compiler_options: dict[str, str] | None = None

    def job(self, job: Job) -> Job:
        """The job as far as this peer can do it."""
        return job if self.evolves else frozen(job)


def dynamo(job: Job, n_rings: int):
    """The light-curve loop of dynamo-stellar on synthetic brightness: its own spot law, pixels and numba."""
    from Dynamo import nbspectra, rotator

    grid = nbspectra.generate_grid_coordinates_nb(n_rings)
    n_in_ring, mu, xs, ys, zs, projected = grid[1], grid[3], grid[6], grid[7], grid[8], grid[10]
    bright = (1.0 - job.u1 * (1.0 - mu) - job.u2 * (1.0 - mu) ** 2) * np.asarray(projected)
    endless = 1e9  # a time scale that stands for no evolution
    star = SimpleNamespace(
        simulate_planet=False,
        n_grid_rings=n_rings,
        obs_times=job.times,
        inclination=0.5 * np.pi - job.inc,  # 0 is equator-on there
        facular_area_ratio=0.0,
        reference_time=0.0,
        rotation_period=job.prot,
        differential_rotation=job.shear,
        spots_evo_law="gaussian",
        tau_emerge=min(job.tau_emerge, endless),
        tau_decay=min(job.tau_decay, endless),
    )

    def run(lat, lon, radius, t_max):
        nothing = np.zeros_like(lat)
        star.spot_map = np.stack(
            [t_max, nothing, 90.0 - np.rad2deg(lat), np.rad2deg(lon), np.rad2deg(radius)], axis=1
        )
        with open(os.devnull, "w") as sink, contextlib.redirect_stdout(sink):
            return rotator.Rotator(star).generate_rotating_photosphere_lc(
                n_in_ring,
                projected,
                mu,
                bright,
                bright * (1.0 - job.contrast),
                bright,
                float(np.dot(bright, n_in_ring)),
                np.stack([xs, ys, zs], axis=1),
                plot_map=False,
            )[1]

    return run, (job.lat, job.lon, job.radius, job.t_max)


def ellc(job: Job):
    """The analytic spots (Eker 1994) of ellc on a detached sphere beside a dark, vanishing companion."""
    from ellc import lc

    def run(lat, lon, radius):
        factor = np.full_like(lat, 1.0 - job.contrast)
        return lc(
            job.times,
            radius_1=0.1,
            radius_2=1e-6,
            sbratio=0.0,
            incl=np.rad2deg(job.inc),
            period=job.prot,
            ld_1="quad",
            ldc_1=[job.u1, job.u2],
            spots_1=np.stack([-np.rad2deg(lon), np.rad2deg(lat), np.rad2deg(radius), factor]),
            verbose=0,
        )

    return run, (job.lat, job.lon, job.radius)


def fleck(job: Job):
    """The JAX model of fleck: foreshortened area times the brightness at the spot's centre."""
    import jax.numpy as jnp
    from fleck.jax import ActiveStar

    times = jnp.asarray(job.times)

    def run(times, lat, lon, radius):
        star = ActiveStar(
            times=times,
            lon=lon,
            lat=0.5 * np.pi + lat,  # colatitude from the pole that points away
            rad=radius,
            spectrum=jnp.full((lat.shape[0], 1), 1.0 - job.contrast),
            inclination=job.inc,
            phot=jnp.ones(1),
            wavelength=jnp.ones(1),
            T_eff=5000.0,
            P_rot=job.prot,
        )
        return star.rotation_model(f0=1.0, u1=job.u1, u2=job.u2)[0].reshape(-1)

    return run, (times, jnp.asarray(job.lat), jnp.asarray(job.lon), jnp.asarray(job.radius))


def spotter_static(job: Job, n_side: int, sharpness: float):
    """One map of spotter: one HEALPix map, one design matrix."""
    import jax
    import jax.numpy as jnp
    from spotter import core, light_curves
    from spotter.star import Star

    def run(times, lat, lon, radius):
        spots = jax.vmap(lambda *spot: core.spot(n_side, *spot, sharpness))(lat, lon, radius)
        star = Star(
            1.0 - job.contrast * jnp.sum(spots, axis=0),
            u=jnp.array([job.u1, job.u2]),
            inc=job.inc,
            period=job.prot,
        )
        return light_curves.light_curve(star, times, normalize=False)[0]

    return run, tuple(jnp.asarray(x) for x in (job.times, job.lat, job.lon, job.radius))


def spotter_evolving(job: Job, n_side: int, sharpness: float):
    """The same with the map made anew at every epoch: what its user would write."""
    import jax
    import jax.numpy as jnp
    from spotter import core

    u = np.array([job.u1, job.u2])

    def run(times, lat, lon, radius, t_max):
        omega = 2.0 * np.pi / job.prot * (1.0 - job.shear * jnp.sin(lat) ** 2)

        def flux(t):
            tau = jnp.where(t < t_max, job.tau_emerge, job.tau_decay)
            size = radius * jnp.exp(-(((t - t_max) / tau) ** 2))
            # the star stands still under the observer and the spots move
            spots = jax.vmap(lambda *spot: core.spot(n_side, *spot, sharpness))(lat, lon + omega * t, size)
            dark = jnp.sum(jnp.where(size[:, None] > 0.0, spots, 0.0), axis=0)
            return core.design_matrix(n_side, phase=0.0, inc=job.inc, u=u) @ (1.0 - job.contrast * dark)

        return jax.lax.map(flux, times)

    return run, tuple(jnp.asarray(x) for x in (job.times, job.lat, job.lon, job.radius, job.t_max))


def butterpy(job: Job):
    """The model of butterpy: foreshortened area alone, no limb darkening."""
    import butterpy as package

    surface = package.Surface()
    surface.regions = True  # its functions ask only that there are some
    surface.duration = job.times[-1] + 1.0
    surface.inclination, surface.shear = job.inc, job.shear
    surface.period, seconds = job.prot, 86400.0
    surface.omega = 2.0 * np.pi / (job.prot * seconds)
    surface.diffrot_func = package.core.sin2
    surface.spot_func = package.core.gaussian_spots
    # its law acts on the area, the job's on the radius
    surface.tau_emerge, surface.tau_decay = (
        min(tau, 1e9) / np.sqrt(2.0) for tau in (job.tau_emerge, job.tau_decay)
    )

    def run(lat, lon, radius, t_max):
        surface.nspots, surface.lat, surface.lon, surface.tmax = lat.size, lat, lon, t_max
        surface.amax = job.contrast * np.sin(radius) ** 2
        return np.asarray(surface.compute_lightcurve(job.times).flux)

    return run, (job.lat, job.lon, job.radius, job.t_max)


# XLA's default in jaxlib 0.10 fuses fleck's reductions into loops that are not vectorised: 6 times slower.
NO_YNN = {"xla_cpu_experimental_ynn_fusion_type": ""}

PEERS: dict[str, Peer] = {
    "dynamo-stellar, 10 rings": Peer(
        "dynamo-stellar", "evolving, shear; pixels", True, False, lambda job: dynamo(job, 10)
    ),
    "dynamo-stellar, 20 rings": Peer(
        "dynamo-stellar", "evolving, shear; pixels", True, False, lambda job: dynamo(job, 20)
    ),
    "dynamo-stellar, 40 rings": Peer(
        "dynamo-stellar", "evolving, shear; pixels", True, False, lambda job: dynamo(job, 40), is_heavy=True
    ),
    "ellc": Peer("ellc", "static, rigid; analytic caps", False, False, ellc),
    "fleck.jax": Peer("fleck", "static, rigid; small-spot formula", False, True, fleck),
    "fleck.jax, XLA without YNN": Peer(
        "fleck", "static, rigid; small-spot formula", False, True, fleck, compiler_options=NO_YNN
    ),
    # the sharpness of a spot's edge that gave the least error; the default gives 2600 ppm on 8 degrees
    "spotter, nside 16": Peer(
        "spotter", "static, rigid; HEALPix map", False, True, lambda job: spotter_static(job, 16, 100.0)
    ),
    "spotter, nside 32": Peer(
        "spotter", "static, rigid; HEALPix map", False, True, lambda job: spotter_static(job, 32, 300.0)
    ),
    "spotter, nside 16, a map per epoch": Peer(
        "spotter", "evolving, shear; HEALPix map", True, True, lambda job: spotter_evolving(job, 16, 100.0)
    ),
    "butterpy": Peer("butterpy", "evolving, shear; point spots, no limb darkening", True, False, butterpy),
}
