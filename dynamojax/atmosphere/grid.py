"""The grid of band intensities: log I(band, mu) at nodes in teff, logg and feh, read from HDF5."""

from pathlib import Path
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from dynamojax.atmosphere.holes import filled
from dynamojax.atmosphere.limb_darkening import quadrature_nodes
from dynamojax.numerics import as_float
from dynamojax.reading import reading

FORMAT = "dynamojax band grid"
FORMAT_VERSION = 1
EMBEDDED = Path(__file__).parents[1] / "data" / "bands.h5"
_DATASETS = (
    *("teff", "logg", "feh", "mu", "node", "bands", "flux", "shape"),
    *("wavelength_eff", "ab_zero_point", "vega_zero_point"),
)


class BandGrid(eqx.Module):
    """Band-mean surface intensities of model atmospheres; pass it as an argument, never close over it.

    Attributes:
        teff: Nodes. [K]
        logg: Nodes. [dex]
        feh: Nodes. [dex]
        log_level: Natural log of the intensity, mean over mu. Where there is no model it is extrapolated,
            which only shapes the slope at the edge of the models. [ln erg/s/cm2/A/sr]
        log_shape: Natural log of the intensity less log_level: apart, because small numbers keep the digits
            of limb darkening in float32. [1]
        exists: Which nodes hold a model.
        wavelength_eff: Pivot wavelength of each band. [A]
        ab_zero_point: Band mean flux at AB magnitude 0. [erg/s/cm2/A]
        vega_zero_point: Band mean flux of Vega, magnitude 0 in every band. [erg/s/cm2/A]
        bands: Names, static.
        mu_nodes: Cosines of the heliocentric angle, static, so that matrices over mu are built on the host.
    """

    teff: Float[Array, " n_teff"] = eqx.field(converter=as_float)
    logg: Float[Array, " n_logg"] = eqx.field(converter=as_float)
    feh: Float[Array, " n_feh"] = eqx.field(converter=as_float)
    log_level: Float[Array, "n_teff n_logg n_feh n_bands"] = eqx.field(converter=as_float)
    log_shape: Float[Array, "n_teff n_logg n_feh n_bands n_mu"] = eqx.field(converter=as_float)
    exists: Bool[Array, "n_teff n_logg n_feh"]
    wavelength_eff: Float[Array, " n_bands"] = eqx.field(converter=as_float)
    ab_zero_point: Float[Array, " n_bands"] = eqx.field(converter=as_float)
    vega_zero_point: Float[Array, " n_bands"] = eqx.field(converter=as_float)
    bands: tuple[str, ...] = eqx.field(static=True)
    mu_nodes: tuple[float, ...] = eqx.field(static=True)

    @property
    def mu(self) -> np.ndarray:
        """Cosines of the heliocentric angle, float64 on the host. [1]"""
        return np.asarray(self.mu_nodes)

    @property
    def log_intensity(self) -> Float[Array, "n_teff n_logg n_feh n_bands n_mu"]:
        """Natural log of the intensity. [ln erg/s/cm2/A/sr]"""
        return self.log_level[..., None] + self.log_shape

    def select(self, bands: tuple[str, ...]) -> "BandGrid":
        """The same grid with these bands, in this order."""
        missing = [band for band in bands if band not in self.bands]
        if missing:
            raise ValueError(
                f"bands = {missing} are not in the grid; it holds {', '.join(self.bands)}; "
                "add your own filter with band_from_filter"
            )
        index = np.array([self.bands.index(band) for band in bands], dtype=int)
        return BandGrid(
            self.teff,
            self.logg,
            self.feh,
            self.log_level[..., index],
            self.log_shape[..., index, :],
            self.exists,
            self.wavelength_eff[index],
            self.ab_zero_point[index],
            self.vega_zero_point[index],
            tuple(bands),
            self.mu_nodes,
        )


def load_grid(path: str | Path | None = None) -> BandGrid:
    """Read a band grid; the embedded one when no path is given.

    Raises:
        ValueError: not such a file, a newer version of it, or a damaged one.
    """
    path = EMBEDDED if path is None else Path(path)
    data = read_datasets(path, _DATASETS)
    mu, node = data["mu"], data["node"].astype(int)
    shape = data["shape"] * data["shape_step"]
    # Storage rounds the shape; the flux is kept exactly by normalising again: 2 pi sum(w I) = flux.
    weight = _disc_weights(path, mu)
    shape -= np.log(2.0 * np.exp(shape) @ weight)[..., None]
    log_intensity = np.log(data["flux"] / np.pi)[..., None] + shape
    axes = [data[name] for name in ("teff", "logg", "feh")]
    for name, axis in zip(("teff", "logg", "feh"), axes, strict=True):
        if len(axis) < 4 or np.any(np.diff(axis) <= 0):
            raise ValueError(f"{path}: {name} = {axis} needs at least 4 increasing nodes; rebuild the file")
    cube = np.full((*map(len, axes), *log_intensity.shape[1:]), np.nan)
    cube[tuple(node.T)] = log_intensity
    exists = np.isfinite(cube).all((-2, -1))
    log_level, log_shape = level_and_shape(extrapolated(cube, axes))
    return BandGrid(
        teff=axes[0],
        logg=axes[1],
        feh=axes[2],
        log_level=log_level,
        log_shape=log_shape,
        exists=jnp.asarray(exists),
        wavelength_eff=data["wavelength_eff"],
        ab_zero_point=data["ab_zero_point"],
        vega_zero_point=data["vega_zero_point"],
        bands=tuple(band.decode() for band in data["bands"]),
        mu_nodes=tuple(mu.tolist()),
    )


def level_and_shape(log_intensity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean over mu, the last axis, and what is left of it; float64 on the host."""
    level = log_intensity.mean(axis=-1)
    return level, log_intensity - level[..., None]


def read_datasets(path: Path, names: tuple[str, ...]) -> dict[str, Any]:
    """Datasets of a band-grid file as arrays, with the step of packed ones, a float, as `<name>_step`."""
    with reading(path, FORMAT, FORMAT_VERSION, "build it with python -m grids.build_bands") as file:
        datasets: dict[str, Any] = {name: file[name] for name in names}
        data = {name: dataset[()] for name, dataset in datasets.items()}
        steps = {f"{name}_step": float(d.attrs.get("step", 1.0)) for name, d in datasets.items()}
    return data | steps


def _disc_weights(path: Path, mu: np.ndarray) -> np.ndarray:
    nodes, weight = quadrature_nodes(len(mu))
    if not np.allclose(nodes, mu, atol=1e-9):
        raise ValueError(f"{path}: mu = {mu} must be quadrature_nodes({len(mu)}); rebuild the file")
    return weight


def extrapolated(cube: np.ndarray, axes: list[np.ndarray]) -> np.ndarray:
    """Fill absent nodes linearly from their neighbours; they shape slopes at the edge, never a value."""
    return filled(cube, np.isfinite(cube[..., 0, 0]), axes)
