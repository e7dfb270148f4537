"""Interstellar extinction by the laws of dust_extinction, computed on the host: at pixels and in bands."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import astropy.units as u
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from dynamojax.atmosphere.bands import Filter, band_weights
from dynamojax.atmosphere.grid import EMBEDDED, read_datasets
from dynamojax.hermite import hermite_weights
from dynamojax.numerics import as_float

# Those of dust_extinction that depend on R_V and reach the optical or the near infrared.
LAWS = ("CCM89", "O94", "F99", "F04", "M14", "F19", "D22", "G23")
_LN_MAG = 0.4 * np.log(10.0)
_DWARF_LOGG = 4.5
# Steps of the law across a band: second order, 2e-4 mag at A_V = 5 in the widest band, Gaia's G.
_N_LEVELS = 128


@dataclass(frozen=True)
class Extinction:
    """A law of extinction, A(lambda) / A(V), on the host; hashable, so that it can be static.

    Attributes:
        law: Name in dust_extinction: G23 is Gordon et al. (2023, ApJ 950, 86), 912 A to 32 um; CCM89, O94,
            F99, F04, M14 and F19 end at 0.3 to 10 per um, D22 covers 0.8 to 4 um.
        rv: Ratio of total to selective extinction, R_V. [1]
    """

    law: str = "G23"
    rv: float = 3.1

    def __post_init__(self):
        object.__setattr__(self, "rv", float(self.rv))
        _model(self.law, self.rv)

    @property
    def ends(self) -> tuple[float, float]:
        """Lowest and highest wavelength of the law. [A]"""
        low, high = _model(self.law, self.rv).x_range
        return 1e4 / high, 1e4 / low

    def curve(self, wavelength) -> np.ndarray:
        """Extinction at wavelengths in vacuum [A], relative to that in V, float64. [1]

        Raises:
            ValueError: a wavelength outside the law's range.
        """
        wavelength, (low, high) = np.asarray(wavelength, dtype=np.float64), self.ends
        bad = ~((wavelength >= low) & (wavelength <= high))  # NaN too
        if bad.any():
            raise ValueError(
                f"extinction: the law {self.law} holds from {low:.0f} to {high:.0f} A, not at wavelength = "
                f"{wavelength[bad].flat[0]:g} A; take Extinction('G23'), which covers 912 A to 32 um, or cut "
                "the instrument"
            )
        return np.asarray(_model(self.law, self.rv)(wavelength * u.AA), dtype=np.float64)


@lru_cache(maxsize=64)
def _model(law: str, rv: float) -> Any:
    if law not in LAWS:
        raise ValueError(f"extinction: law = {law!r}, allowed: {', '.join(LAWS)}")
    # astropy.modeling comes with it and takes most of a second: not before it is needed.
    from dust_extinction import parameter_averages

    make = getattr(parameter_averages, law)
    low, high = make.Rv_range
    if not low <= rv <= high:
        raise ValueError(f"extinction: rv = {rv:g} must be in [{low:g}, {high:g}] for the law {law}")
    return make(Rv=rv)


def transmission(curve: Float[Array, "..."], av: Float[Array, ""]) -> Float[Array, "..."]:
    """Share of the light that dust lets through; exactly 1 at av = 0.

    Args:
        curve: A(lambda) / A(V), from `Extinction.curve`. [1]
        av: Extinction in V. [mag]
    """
    return jnp.exp(-_LN_MAG * av * curve)


class BandExtinction(eqx.Module):
    """How the light of dwarfs is spread over the extinction law in each band.

    Attributes:
        teff: Effective temperatures of the models. [K]
        level: Values of A(lambda) / A(V), rising evenly across each band. [1]
        share: Share of the detected light at each level; sums to 1.
    """

    teff: Float[Array, " n_teff"] = eqx.field(converter=as_float)
    level: Float[Array, "n_bands n_levels"] = eqx.field(converter=as_float)
    share: Float[Array, "n_teff n_bands n_levels"] = eqx.field(converter=as_float)

    @staticmethod
    def build(
        extinction: Extinction, filters: Sequence[Filter], names: Sequence[str], pivots
    ) -> "BandExtinction":
        """On the host, for bands with a filter curve; those without are taken to be monochromatic.

        Args:
            extinction: The law.
            filters: Filter curves there are.
            names: Of the bands.
            pivots: Pivot wavelength of each band. [A]

        Raises:
            ValueError: a band reaches beyond the law.
        """
        curves = {band.name: band for band in filters}
        n_teff = len(_dwarfs()[0])
        level, share = np.zeros((len(names), _N_LEVELS)), np.zeros((n_teff, len(names), _N_LEVELS))
        for i, (name, pivot) in enumerate(zip(names, np.asarray(pivots, dtype=np.float64), strict=True)):
            if name in curves:
                level[i], share[:, i] = _spread(extinction, curves[name])
            else:
                level[i], share[:, i, 0] = extinction.curve(pivot), 1.0
        return BandExtinction(_dwarfs()[0], level, share)

    def transmission(self, teff: Float[Array, ""], av: Float[Array, ""]) -> Float[Array, " n_bands"]:
        """Share of a star's detected light that dust lets through in each band; exactly 1 at av = 0.

        Args:
            teff: Of what shines; beyond the models, 2300 to 12000 K, that of the last one. [K]
            av: Extinction in V, as strong as you like: bands redden as it grows. [mag]

        Accuracy: of the extinction in per cent, median and 95 %, at A_V = 1, against every model's own smooth
            spectrum: dwarfs with [Fe/H] >= -1 0.3 and 1.9 in Kepler, 0.2 and 2.0 in TESS, 0.5 and 2.3 in
            Gaia G, 0.1 and 0.6 in V, 0.03 and 0.4 in i; giants and metal-poor stars included 0.6 and 4.2 in
            Kepler, at worst 20 (M giants in Gaia G). The law at the pivot wavelength would be off by 5 and
            22 in Kepler. `python -m grids.measure_extinction` prints them all.
        """
        start, weights, *_ = hermite_weights(self.teff, jnp.clip(teff, self.teff[0], self.teff[-1]))
        share = jax.lax.dynamic_slice_in_dim(self.share, start, 4)
        share = jnp.einsum("i,ibk->bk", weights, share, precision=jax.lax.Precision.HIGHEST)
        lowest = self.level[:, 0]
        lost = jnp.sum(share * jnp.expm1(-_LN_MAG * av * (self.level - lowest[:, None])), axis=1)
        return transmission(lowest, av) * (1 + lost)


@lru_cache(maxsize=1)
def _dwarfs() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Temperatures, ln(wavelength) and spectra of solar metallicity nearest to a dwarf's gravity."""
    data = read_datasets(EMBEDDED, ("teff", "logg", "feh", "node", "ln_wavelength", "spectrum"))
    i, j, k = data["node"].astype(int).T
    off = np.abs(data["logg"][j] - _DWARF_LOGG) + 100 * np.abs(data["feh"][k])
    rows = [np.flatnonzero(i == n)[np.argmin(off[i == n])] for n in range(len(data["teff"]))]
    flux = np.exp(data["spectrum"][rows] * data["spectrum_step"])
    return data["teff"], data["ln_wavelength"], flux


@lru_cache(maxsize=256)
def _spread(extinction: Extinction, band: Filter) -> tuple[np.ndarray, np.ndarray]:
    """Levels of the law across one band, and the shares of every dwarf's light at them."""
    _, ln_wavelength, flux = _dwarfs()
    # Spectra between their bins are linear in ln(wavelength); the law is not, so it is followed finely.
    fine = np.linspace(ln_wavelength[0], ln_wavelength[-1], 20 * (len(ln_wavelength) - 1) + 1)
    detected = band_weights(fine, band.wavelength, band.throughput, band.photon_counting)
    keep = detected > 0
    light = np.array([np.interp(fine[keep], ln_wavelength, f) for f in flux]) * detected[keep]
    light /= light.sum(axis=1, keepdims=True)
    curve = extinction.curve(np.exp(fine[keep]))
    level = np.linspace(curve.min(), curve.max(), _N_LEVELS)
    x = (curve - level[0]) / (level[1] - level[0])
    cell = np.clip(np.floor(x).astype(int), 0, _N_LEVELS - 2)
    rest = x - cell
    share = [
        np.bincount(cell, row * (1 - rest), _N_LEVELS) + np.bincount(cell + 1, row * rest, _N_LEVELS)
        for row in light
    ]
    return level, np.array(share)
