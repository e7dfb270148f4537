"""The grid of spectral intensities on the device: one stretch of wavelengths, cut from a file."""

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Bool, Float, Num

from dynamojax.atmosphere.limb_darkening import quadrature_nodes
from dynamojax.atmosphere.wavelengths import LogAxis
from dynamojax.numerics import as_float


def as_values(x) -> Array:
    """Whole numbers stay what they are, in half the memory; the rest becomes float."""
    return jax.numpy.asarray(x) if np.issubdtype(x.dtype, np.integer) else as_float(x)


class IntensityGrid(eqx.Module):
    """I(wavelength, mu) of model atmospheres; pass it as an argument, never close over it.

    ln I = mean + level + step * values, or mean + level + step * values @ basis.

    Attributes:
        teff: Nodes. [K]
        logg: Nodes. [dex]
        feh: Nodes. [dex]
        exists: Which nodes hold a model. The others hold what `atmosphere.holes` says: it shapes the slope
            at the edge of the models, never a value.
        mean: Of the models, less its own mean over wavelength. [1]
        level: Natural log of the intensity, mean over wavelength. [ln erg/s/cm2/A/sr]
        step: Of the values. [1]
        values: At each wavelength (floats, or whole numbers in half the size), or the coefficients of the
            basis.
        basis: Rows of the low rank; None where the values are at wavelengths.
        axis: Wavelengths, static: float64 whatever the dtype of the intensities.
        mu_nodes: Cosines of the heliocentric angle, `quadrature_nodes`, static.
        resolution: Resolving power of the spectra; inf for samples of monochromatic ones, static.
    """

    teff: Float[Array, " n_teff"] = eqx.field(converter=as_float)
    logg: Float[Array, " n_logg"] = eqx.field(converter=as_float)
    feh: Float[Array, " n_feh"] = eqx.field(converter=as_float)
    exists: Bool[Array, "n_teff n_logg n_feh"]
    mean: Float[Array, " n_wavelength"] = eqx.field(converter=as_float)
    level: Float[Array, "n_teff n_logg n_feh n_mu"] = eqx.field(converter=as_float)
    step: Float[Array, "n_teff n_logg n_feh"] = eqx.field(converter=as_float)
    values: Num[Array, "n_teff n_logg n_feh n_mu n_values"] = eqx.field(converter=as_values)
    basis: Float[Array, "n_values n_wavelength"] | None = eqx.field(
        converter=lambda x: None if x is None else as_float(x)
    )
    axis: LogAxis = eqx.field(static=True)
    mu_nodes: tuple[float, ...] = eqx.field(static=True)
    resolution: float = eqx.field(static=True)

    @property
    def mu(self) -> np.ndarray:
        """Cosines of the heliocentric angle, float64 on the host. [1]"""
        return np.asarray(self.mu_nodes)

    @property
    def mu_weight(self) -> np.ndarray:
        """Weights w of the disc: flux = 2 pi sum(w I). [1]"""
        return quadrature_nodes(len(self.mu_nodes))[1]

    @property
    def ln_start(self) -> float:
        """Of the first wavelength, in vacuum. [ln A]"""
        return self.axis.ln_start

    @property
    def ln_step(self) -> float:
        """Between neighbouring wavelengths. [ln A]"""
        return self.axis.ln_step

    @property
    def n_wavelength(self) -> int:
        """Number of wavelengths."""
        return self.axis.n

    @property
    def wavelength(self) -> np.ndarray:
        """In vacuum, float64 on the host. [A]"""
        return self.axis.wavelength

    @property
    def n_bytes(self) -> int:
        """Memory that the arrays take on the device."""
        return sum(leaf.nbytes for leaf in jax.tree.leaves(self))
