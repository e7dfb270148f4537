"""The job that every system does: 1000 epochs at 30 min, P = 10 d, i = 60 deg, quadratic limb darkening."""

from dataclasses import dataclass, replace

import numpy as np

from benchmarks.quadrature import cap_moments

N_EPOCHS = 1000
CADENCE_DAY = 1.0 / 48.0


@dataclass(frozen=True)
class Job:
    """One star, its spots and the epochs, in float64 on the host; angles in rad, times in days.

    A spot's radius obeys r exp(-((t - t_max) / tau)^2), tau_emerge before the maximum and tau_decay
    after it; infinite times mean no evolution. Its light is 1 - contrast of the photosphere's.
    """

    lat: np.ndarray
    lon: np.ndarray
    radius: np.ndarray
    t_max: np.ndarray
    times: np.ndarray
    tau_emerge: float
    tau_decay: float
    contrast: float
    prot: float = 10.0
    shear: float = 0.2
    inc: float = np.pi / 3.0
    u1: float = 0.4
    u2: float = 0.25

    @property
    def is_static(self) -> bool:
        """Whether the spots neither evolve nor shear."""
        return bool(np.isinf(self.tau_emerge) and np.isinf(self.tau_decay) and self.shear == 0.0)

    @property
    def polynomial(self) -> np.ndarray:
        """Coefficients a of I(mu) mu = sum a_k mu^k, over those of the whole disc's flux [1/sr]."""
        a = np.array([1.0 - self.u1 - self.u2, self.u1 + 2.0 * self.u2, -self.u2])
        return a / (2.0 * np.pi * np.sum(a / np.arange(2, 5)))


def spotted_star(n_spots: int, seed: int = 0, n_epochs: int = N_EPOCHS) -> Job:
    """A star with spots that evolve and shear, spread over the activity belts.

    No two spots overlap at t = 0 and full size, so that systems which count an overlap once or twice
    are compared on the same footing.
    """
    rng = np.random.default_rng(seed)
    times = CADENCE_DAY * np.arange(n_epochs)
    radius = np.sort(rng.uniform(0.02, 0.12, n_spots))[::-1]  # the largest find room first
    lat, lon = _scattered(radius, rng)
    return Job(
        lat=lat,
        lon=lon,
        radius=radius,
        t_max=rng.uniform(0.0, times[-1], n_spots),
        times=times,
        tau_emerge=4.0,
        tau_decay=8.0,
        contrast=0.3,
    )


def _scattered(radius: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    placed = np.empty((0, 3))
    while len(placed) < len(radius):
        lat, lon = np.arcsin(rng.uniform(-0.65, 0.65)), rng.uniform(0.0, 2.0 * np.pi)
        point = np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
        if np.all(placed @ point < np.cos(radius[: len(placed)] + radius[len(placed)])):
            placed = np.vstack([placed, point])
    return np.arcsin(placed[:, 2]), np.arctan2(placed[:, 1], placed[:, 0]) % (2.0 * np.pi)


def frozen(job: Job) -> Job:
    """The same star with spots at their maximum for ever, turning rigidly."""
    return replace(job, tau_emerge=np.inf, tau_decay=np.inf, shear=0.0)


def single_spot(radius_deg: float) -> Job:
    """One static spot of contrast 0.3 at 20 deg latitude: the case for accuracy."""
    one = np.ones(1)
    return Job(
        lat=np.deg2rad(20.0) * one,
        lon=0.0 * one,
        radius=np.deg2rad(radius_deg) * one,
        t_max=0.0 * one,
        times=CADENCE_DAY * np.arange(N_EPOCHS),
        tau_emerge=np.inf,
        tau_decay=np.inf,
        contrast=0.3,
        shear=0.0,
    )


def phases(job: Job) -> np.ndarray:
    """Angle of each spot from the central meridian, (n_spots, n_epochs) [rad]."""
    omega = 2.0 * np.pi / job.prot * (1.0 - job.shear * np.sin(job.lat) ** 2)
    return job.lon[:, None] + omega[:, None] * job.times


def radii(job: Job) -> np.ndarray:
    """Radius of each spot at each epoch, (n_spots, n_epochs) [rad]."""
    since = job.times - job.t_max[:, None]
    return job.radius[:, None] * np.exp(-((since / np.where(since < 0, job.tau_emerge, job.tau_decay)) ** 2))


def oracle(job: Job) -> np.ndarray:
    """Flux over that of the immaculate star by quadrature, each cap counted in full."""
    mu0 = np.sin(job.inc) * np.cos(job.lat)[:, None] * np.cos(phases(job))
    mu0 += np.cos(job.inc) * np.sin(job.lat)[:, None]
    moments = cap_moments(np.arccos(np.clip(mu0, -1.0, 1.0)), radii(job))
    return 1.0 - job.contrast * np.tensordot(job.polynomial, moments, axes=1).sum(axis=0)
