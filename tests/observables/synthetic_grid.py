"""A small spectral grid of Gaussian lines, for tests that need one quickly."""

import jax.numpy as jnp
import numpy as np

from dynamojax.atmosphere.intensity_grid import IntensityGrid
from dynamojax.atmosphere.limb_darkening import quadrature_nodes
from dynamojax.atmosphere.wavelengths import LogAxis

TEFF = np.array([4000.0, 4500.0, 5000.0, 5500.0, 6000.0, 6500.0])
# Range [A], sampling, and sigma of the lines [km/s].
OPTICAL = (5000.0, 5200.0, 12000.0, (15.0, 30.0))
INFRARED = (16000.0, 16080.0, 60000.0, (2.5, 9.0))
C_KM_S = 299792.458


def _log_intensity(ln_wavelength, mu, teff, sigmas, rng):
    """Continuum with limb darkening, lines weaker and wider towards the limb, stronger in cool stars."""
    cool = 5800 / teff
    u = 0.6 * cool
    centre = rng.uniform(*ln_wavelength[[0, -1]], 40)
    depth, sigma = rng.uniform(0.1, 0.8, 40), rng.uniform(*sigmas, 40) / C_KM_S
    t = (ln_wavelength[:, None] - centre) / (sigma * (1.1 - 0.1 * mu))
    lines = np.exp(-0.5 * t * t) @ (depth * cool * (0.7 + 0.3 * mu))
    return np.log(1e6 * (teff / 5800) ** 4 * (1 - u * (1 - mu))) - lines


def synthetic_grid(low, high, sampling, sigmas, n_mu=8) -> IntensityGrid:
    """The same models at every logg and [Fe/H]."""
    axis, (mu, _) = LogAxis.from_range(low, high, sampling), quadrature_nodes(n_mu)
    ln = np.array(
        [
            [_log_intensity(axis.ln_wavelength, m, t, sigmas, np.random.default_rng(3)) for m in mu]
            for t in TEFF
        ]
    )
    ln = np.broadcast_to(ln[:, None, None], (len(TEFF), 4, 4, n_mu, axis.n))
    mean = ln.mean((0, 1, 2, 3))
    level = (ln - mean).mean(-1)
    return IntensityGrid(
        teff=TEFF,
        logg=np.array([3.5, 4.0, 4.5, 5.0]),
        feh=np.array([-1.0, -0.5, 0.0, 0.5]),
        exists=jnp.ones((len(TEFF), 4, 4), bool),
        mean=mean,
        level=level,
        step=np.ones((len(TEFF), 4, 4)),
        values=ln - mean - level[..., None],
        basis=None,
        axis=axis,
        mu_nodes=tuple(mu.tolist()),
        resolution=np.inf,
    )
