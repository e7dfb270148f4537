"""Correlation of spectra with a mask of lines: the mean profile of the lines on a grid of velocities.

For a velocity v, every line opens a hole in the mask at wavelength * exp(atanh(v / c)), and the mean flux
density seen through the holes, weighted, is the correlation function. Which pixels a hole shows, and which
share of each, is known on the host: the function is linear in the flux.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from dynamojax.constants import C_KM_S
from dynamojax.instruments.line_masks import LineMask
from dynamojax.instruments.spectrograph import Arm, Spectrograph
from dynamojax.numerics import as_float, safe_divide


class Correlation(eqx.Module):
    """Correlation function of one spectrum.

    Attributes:
        velocity: Positive recedes. [km/s]
        arms: Of each arm, mean flux density through the mask; NaN where not valid. [unit of the flux]
        weight: Sum of the weights of the lines that counted, of each arm. [1]
        valid: Whether the arm has enough lines that no bad pixel touches.
    """

    velocity: Float[Array, " n_velocities"]
    arms: Float[Array, "n_arms n_velocities"]
    weight: Float[Array, " n_arms"]
    valid: Bool[Array, " n_arms"]

    @property
    def total(self) -> Float[Array, "*batch n_velocities"]:
        """Of all lines of the valid arms together; NaN if there is none. [unit of the flux]"""
        weight = jnp.where(self.valid, self.weight, 0)
        together = jnp.sum(jnp.where(self.valid[..., None], self.arms, 0) * weight[..., None], axis=-2)
        mean = safe_divide(together, jnp.sum(weight, axis=-1)[..., None])
        return jnp.where(jnp.any(self.valid, axis=-1)[..., None], mean, jnp.nan)


class MaskCorrelator(eqx.Module):
    """Spectrum to correlation function: `correlator(...)(flux)`, to be mapped over epochs by `jax.vmap`.

    Attributes:
        velocity: [km/s]
        pixel: First pixel seen through the hole of each line at each velocity.
        share: Of the hole's width that falls on this pixel and on the next ones; sums to 1.
        weight: Of each line. [1]
        touched: First pixel that a line touches at any velocity, and the one after the last.
        n_lines: Of each arm, static; lines lie in the order of the arms.
        ln_wavelength: Of each arm, mean over its lines, weighted, static. [ln A]
        min_lines: That an arm needs, static.
        n_pixels: Of a spectrum, static.
    """

    velocity: Float[Array, " n_velocities"] = eqx.field(converter=as_float)
    pixel: Int[Array, "n_velocities n_lines"]
    share: Float[Array, "n_taps n_velocities n_lines"] = eqx.field(converter=as_float)
    weight: Float[Array, " n_lines"] = eqx.field(converter=as_float)
    touched: Int[Array, "2 n_lines"]
    n_lines: tuple[int, ...] = eqx.field(static=True)
    ln_wavelength: tuple[float, ...] = eqx.field(static=True)
    min_lines: int = eqx.field(static=True)
    n_pixels: int = eqx.field(static=True)

    def __call__(
        self, flux: Float[Array, " n_pixels"], good: Bool[Array, " n_pixels"] | None = None
    ) -> Correlation:
        """Correlation function of one spectrum.

        A line that touches a bad pixel at any velocity does not count, so that no velocity sees other
        lines than its neighbours.

        Args:
            flux: On the pixels of the spectrograph; pixels that are not finite are bad. [any unit]
            good: Which pixels may be used, such as ivar > 0; all if left out.

        Raises:
            ValueError: a flux or mask of another shape.
        """
        check_pixels(self.n_pixels, flux=flux, good=good)
        good = jnp.isfinite(flux) if good is None else good & jnp.isfinite(flux)
        flux = jnp.where(good, flux, 0)
        bad_before = jnp.concatenate([jnp.zeros(1, int), jnp.cumsum(~good)])
        is_clean = bad_before[self.touched[1]] == bad_before[self.touched[0]]
        weight = jnp.where(is_clean, self.weight, 0)
        taps = (share * flux[self.pixel + t] for t, share in enumerate(self.share))
        seen = sum(taps, jnp.zeros((), flux.dtype))
        ends = np.cumsum((0, *self.n_lines))
        stretches = [slice(a, b) for a, b in zip(ends[:-1], ends[1:], strict=True)]
        total = jnp.stack([jnp.sum(weight[here]) for here in stretches])
        sums = jnp.stack([jnp.sum(seen[:, here] * weight[here], axis=1) for here in stretches])
        count = jnp.stack([jnp.sum(is_clean[here]) for here in stretches])
        valid = (count >= self.min_lines) & (count > 0)
        arms = jnp.where(valid[:, None], safe_divide(sums, total[:, None]), jnp.nan)
        return Correlation(self.velocity, arms, total, valid)


def correlator(
    spectrograph: Spectrograph,
    mask: LineMask,
    velocities,
    *,
    width: float | int | None = None,
    min_lines: int = 3,
) -> MaskCorrelator:
    """The correlation of a spectrograph's spectra with a mask, built on the host in float64.

    A line counts in each arm in which its hole stays among the pixels at all velocities; where arms overlap,
    in each of them.

    Args:
        spectrograph: Pixels.
        mask: Lines.
        velocities: Rising, of the star away from the observer. [km/s]
        width: Of the holes; the median pixel of the arm if left out, as in HARPS (0.82 km/s). [km/s]
        min_lines: That each arm needs; 0 lets arms be that have none: they are not valid.

    Raises:
        ValueError: bad velocities or width, no line in range, an arm with too few of them.
    Source: Baranne et al. (1996, A&AS 119, 373), Pepe et al. (2002, A&A 388, 632).
    """
    velocities = checked_velocities(velocities)
    if width is not None and not (np.isfinite(width) and 0 < width < C_KM_S):
        raise ValueError(f"width = {width} km/s, allowed: positive, some pixels wide at most")
    if min_lines < 0:
        raise ValueError(f"min_lines = {min_lines} must be 0 or more")
    shifts, starts = np.arctanh(velocities / C_KM_S), np.cumsum([0, *(a.n_pixels for a in spectrograph.arms)])
    parts = [_holes(arm, mask, shifts, width) for arm in spectrograph.arms]
    _check_counts(spectrograph, mask, velocities, [len(part[2]) for part in parts], min_lines)
    n_taps = max(part[1].shape[0] for part in parts)
    share = [np.pad(part[1], ((0, n_taps - len(part[1])), (0, 0), (0, 0))) for part in parts]
    first = np.concatenate([part[0] + start for part, start in zip(parts, starts, strict=False)], axis=1)
    # a window is moved to the left where its zeros would lie beyond the last pixel
    pixel, share = _inside(first, np.concatenate(share, axis=2), int(starts[-1]))
    last = np.where(share > 0, np.arange(len(share))[:, None, None], 0).max(axis=0) + pixel
    return MaskCorrelator(
        velocity=velocities,
        pixel=jnp.asarray(pixel, dtype=jnp.int32),
        share=share,
        weight=np.concatenate([mask.weight[part[2]] for part in parts]),
        touched=jnp.asarray(np.stack([first.min(axis=0), last.max(axis=0) + 1]), dtype=jnp.int32),
        n_lines=tuple(len(part[2]) for part in parts),
        ln_wavelength=tuple(_mean_ln(mask, part[2]) for part in parts),
        min_lines=min_lines,
        n_pixels=int(starts[-1]),
    )


def check_pixels(n_pixels: int, **given: Array | None) -> None:
    """Raise ValueError unless what is given has one value for each pixel."""
    for name, values in given.items():
        if values is not None and (shape := jnp.shape(values)) != (n_pixels,):
            raise ValueError(
                f"{name} has shape {shape}, ({n_pixels},) is expected: one spectrum, on the pixels of the "
                "spectrograph; map it over epochs with jax.vmap"
            )


def checked_velocities(velocities) -> np.ndarray:
    """Velocities at which correlations are taken, float64. [km/s]"""
    velocities = np.asarray(velocities, dtype=np.float64)
    if velocities.ndim != 1 or velocities.size < 8 or not np.all(np.diff(velocities) > 0):
        raise ValueError(
            f"velocities of shape {velocities.shape} must be 8 or more rising numbers [km/s], such as "
            "np.arange(-20, 20.1, 0.25)"
        )
    if not np.all(np.abs(velocities) < C_KM_S):
        raise ValueError(f"velocities reach {np.max(np.abs(velocities)):g} km/s; give less than light's")
    return velocities


def _mean_ln(mask: LineMask, lines: np.ndarray) -> float:
    if not len(lines):
        return float("nan")
    return float(np.average(np.log(mask.wavelength[lines]), weights=mask.weight[lines]))


def _holes(arm: Arm, mask: LineMask, shifts: np.ndarray, width: float | int | None):
    """First pixel and shares of each hole, (n_velocities, n_lines), and which lines of the mask they are."""
    ln_edges = np.log(arm.edges)
    half = 0.5 * (np.median(np.diff(ln_edges)) if width is None else np.arctanh(width / C_KM_S))
    ln_line = np.log(mask.wavelength)
    stays = (ln_line + shifts[0] - half >= ln_edges[0]) & (ln_line + shifts[-1] + half <= ln_edges[-1])
    lines = np.flatnonzero(stays)
    centre = mask.wavelength[lines] * np.exp(shifts)[:, None]
    low, high = centre * np.exp(-half), centre * np.exp(half)
    first = np.clip(np.searchsorted(arm.edges, low, side="right") - 1, 0, arm.n_pixels - 1)
    last = np.clip(np.searchsorted(arm.edges, high, side="left") - 1, first, arm.n_pixels - 1)
    n_taps = int(np.max(last - first, initial=0)) + 1
    # Relative to the first pixel's edge: differences of wavelengths keep their digits in float64.
    at = np.minimum(first + np.arange(n_taps)[:, None, None], arm.n_pixels - 1)
    overlap = np.minimum(high, arm.edges[at + 1]) - np.maximum(low, arm.edges[at])
    is_new = first + np.arange(n_taps)[:, None, None] <= last
    share = np.where(is_new, np.maximum(overlap, 0), 0)
    return first, share / share.sum(axis=0), lines


def _inside(first: np.ndarray, share: np.ndarray, n_pixels: int):
    """Windows that would reach beyond the last pixel moved back, their shares forward."""
    excess = np.maximum(first + len(share) - n_pixels, 0)
    for steps in range(1, int(excess.max(initial=0)) + 1):
        here = excess == steps
        share[:, here] = np.roll(share[:, here], steps, axis=0)  # what comes round is zero
    return first - excess, share


def _check_counts(spectrograph, mask, velocities, counts: list[int], min_lines: int) -> None:
    span = f"{spectrograph.ends[0]:.1f} to {spectrograph.ends[1]:.1f} A"
    if not sum(counts):
        raise ValueError(
            f"{spectrograph.name}: mask {mask.name} has no line whose shifts from {velocities[0]:g} to "
            f"{velocities[-1]:g} km/s stay within {span}; its lines lie from {mask.wavelength[0]:.1f} to "
            f"{mask.wavelength[-1]:.1f} A: take another mask"
        )
    few = [(a, n) for a, n in zip(spectrograph.arms, counts, strict=True) if n < min_lines]
    if few:
        said = "; ".join(f"{a.name} ({a.edges[0]:.1f} to {a.edges[-1]:.1f} A) {n}" for a, n in few)
        raise ValueError(
            f"{spectrograph.name}: lines of mask {mask.name} in some arms are fewer than min_lines = "
            f"{min_lines}: {said}; leave those arms out with spectrograph.within or dataclasses.replace, or "
            "lower min_lines (0 makes arms without lines invalid)"
        )
