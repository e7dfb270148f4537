"""Matching spectra with a template on the same pixels: sum of squares at each velocity.

The template, at zero velocity, is shifted by quintic splines over the pixels, multiplied by a polynomial in
wavelength, which takes up the continuum, and fitted by weighted least squares, velocity by velocity.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from dynamojax.constants import C_KM_S
from dynamojax.instruments.spectrograph import Arm, Spectrograph
from dynamojax.numerics import as_float, safe_divide, safe_sqrt
from dynamojax.observables.correlation import check_pixels, checked_velocities
from dynamojax.splines import interpolation_filter, quintic

_EDGE = 3  # pixels that a spline needs on either side
_HIGHEST = jax.lax.Precision.HIGHEST


class TemplateMatch(eqx.Module):
    """How well a template fits one spectrum at each velocity.

    Attributes:
        velocity: Of the star relative to the template, positive recedes. [km/s]
        chi2: Of each arm, weighted sum of squares; NaN where not valid. [1]
        chi2_flat: The same for the polynomial alone, without the template's lines. [1]
        valid: Whether the arm has pixels enough.
    """

    velocity: Float[Array, " n_velocities"]
    chi2: Float[Array, "n_arms n_velocities"]
    chi2_flat: Float[Array, " n_arms"]
    valid: Bool[Array, " n_arms"]

    @property
    def _sum(self) -> Float[Array, "*batch n_velocities"]:
        chi2 = jnp.sum(jnp.where(self.valid[..., None], self.chi2, 0), axis=-2)
        return jnp.where(jnp.any(self.valid, axis=-1)[..., None], chi2, jnp.nan)

    @property
    def total(self) -> Float[Array, "*batch n_velocities"]:
        """Sum of squares of the valid arms over `chi2_flat`: a dip at the velocity, as lines are. [1]"""
        flat = jnp.sum(jnp.where(self.valid, self.chi2_flat, 0), axis=-1)[..., None]
        return jnp.where(flat > 0, safe_divide(self._sum, flat), jnp.nan)

    @property
    def best(self) -> tuple[Float[Array, "*batch"], Float[Array, "*batch"]]:
        """Velocity of least squares of the valid arms and its error, of a quartic through 5 samples. [km/s]

        NaN where the least value is at an end. The error holds where the weights are inverse variances.
        """
        return jnp.vectorize(_vertex, signature="(n),(n)->(),()")(self.velocity, self._sum)


def _vertex(x: Float[Array, " n"], y: Float[Array, " n"]) -> tuple[Array, Array]:
    """Lowest point near the lowest sample, and sqrt(2 / y'') there.

    Of the parabola through the sample and its neighbours, then of the quartic through five samples, unless
    that has none between the neighbours.
    """
    low = jnp.argmin(y)
    xs, ys = _around(x, y, low, 3)
    a, b = jnp.diff(xs)
    left, right = jnp.diff(ys) / jnp.diff(xs)
    bend = (right - left) / (a + b)
    slope = (left * b + right * a) / (a + b)
    holds = (bend > 0) & (low > 0) & (low < x.shape[0] - 1)
    bend = jnp.where(holds, bend, 1.0)
    at = xs[1] - 0.5 * slope / bend
    if x.shape[0] >= 5:
        better, curve = _quartic_vertex(*_around(x, y, low, 5), at)
        inside = (better > xs[0]) & (better < xs[2]) & (curve > 0)
        at, bend = jnp.where(inside, better, at), jnp.where(inside & holds, 0.5 * curve, bend)
    return jnp.where(holds, at, jnp.nan), jnp.where(holds, 1 / safe_sqrt(bend), jnp.nan)


def _around(x: Array, y: Array, low: Array, n: int) -> tuple[Array, Array]:
    """The n samples about one, as far as there are."""
    start = jnp.clip(low - n // 2, 0, x.shape[0] - n)
    return jax.lax.dynamic_slice(x, (start,), (n,)), jax.lax.dynamic_slice(y, (start,), (n,))


def _quartic_vertex(xs: Float[Array, " 5"], ys: Float[Array, " 5"], at: Array) -> tuple[Array, Array]:
    """Where the quartic through five samples has no slope, by Newton's method, and its y'' there."""
    table = [ys]
    for k in range(1, 5):
        table.append((table[-1][1:] - table[-1][:-1]) / (xs[k:] - xs[:-k]))
    bend = jnp.ones_like(at)
    for _ in range(4):
        value, slope, bend = table[4][0], jnp.zeros_like(at), jnp.zeros_like(at)
        for k in range(3, -1, -1):
            bend = bend * (at - xs[k]) + 2 * slope
            slope = slope * (at - xs[k]) + value
            value = value * (at - xs[k]) + table[k][0]
        at = at - safe_divide(slope, bend)
    return at, bend


class TemplateCorrelator(eqx.Module):
    """Spectrum and template to the sum of squares at each velocity; map over epochs with `jax.vmap`.

    Attributes:
        velocity: [km/s]
        pixel: Where each shifted pixel lies among those of the template: the whole part, of all pixels.
        fraction: The rest of it. [pixel]
        basis: Legendre polynomials in ln(wavelength) over each arm. [1]
        inside: Pixels that stay in their arm at all velocities.
        n_pixels: Of each arm, static.
    """

    velocity: Float[Array, " n_velocities"] = eqx.field(converter=as_float)
    pixel: Int[Array, "n_velocities n_pixels"]
    fraction: Float[Array, "n_velocities n_pixels"] = eqx.field(converter=as_float)
    basis: Float[Array, "n_terms n_pixels"] = eqx.field(converter=as_float)
    inside: Bool[Array, " n_pixels"]
    n_pixels: tuple[int, ...] = eqx.field(static=True)

    def __call__(
        self,
        flux: Float[Array, " n_pixels"],
        template: Float[Array, " n_pixels"],
        ivar: Float[Array, " n_pixels"] | None = None,
    ) -> TemplateMatch:
        """Match one spectrum.

        Args:
            flux: On the pixels of the spectrograph; pixels that are not finite do not count. [any unit]
            template: On the same pixels at zero velocity, such as an immaculate star's. [any unit]
            ivar: Inverse variances, 0 where bad; all 1 over the mean flux squared if left out. [1/unit^2]

        Raises:
            ValueError: one of another shape.
        """
        check_pixels(sum(self.n_pixels), flux=flux, template=template, ivar=ivar)
        good = jnp.isfinite(flux) & self.inside
        good = good if ivar is None else good & (ivar > 0) & jnp.isfinite(ivar)
        flux = jnp.where(good, flux, 0)
        mean = safe_divide(jnp.sum(flux), jnp.sum(jnp.where(good, jnp.ones_like(flux), 0)))
        weight = jnp.where(good, safe_divide(jnp.ones(()), mean**2) if ivar is None else ivar, 0)
        root = safe_sqrt(weight)
        coefficients = _spline_coefficients(template / jnp.mean(template), self.n_pixels)
        stretches = self._stretches()

        def at(pixel, fraction):
            terms = (quintic(fraction - k) * coefficients[pixel + k] for k in range(-2, 4))
            shifted = sum(terms, jnp.zeros((), coefficients.dtype))
            return jnp.stack(
                [_least(root[s] * flux[s], root[s] * shifted[s] * self.basis[:, s]) for s in stretches]
            )

        chi2 = jax.lax.map(lambda given: at(*given), (self.pixel, self.fraction)).T
        flat = jnp.stack([_least(root[s] * flux[s], root[s] * self.basis[:, s]) for s in stretches])
        valid = jnp.stack([jnp.sum(good[s]) for s in stretches]) > 2 * self.basis.shape[0]
        return TemplateMatch(
            self.velocity,
            jnp.where(valid[:, None], chi2, jnp.nan),
            jnp.where(valid, flat, jnp.nan),
            valid,
        )

    def _stretches(self) -> list[slice]:
        ends = np.cumsum((0, *self.n_pixels))
        return [slice(a, b) for a, b in zip(ends[:-1], ends[1:], strict=True)]


def _spline_coefficients(template: Float[Array, " n_pixels"], counts: tuple[int, ...]) -> Array:
    """B-spline coefficients of each arm; at its ends the template is mirrored."""
    taps, parts, start = interpolation_filter(), [], 0
    pad = len(taps) // 2
    taps = jnp.asarray(taps, template.dtype)
    for count in counts:
        here = template[start : start + count]
        longer = jnp.pad(here, pad, mode="reflect") if count > pad else jnp.pad(here, pad, mode="edge")
        parts.append(jnp.convolve(longer, taps, mode="valid", precision=_HIGHEST))
        start += count
    return jnp.concatenate(parts)


def _least(target: Float[Array, " n"], rows: Float[Array, "n_terms n"]) -> Float[Array, ""]:
    """Sum of squares that remains of a target when rows are fitted to it."""
    # Rows of length 1, so that the equations are well scaled; residuals, not moments, keep the digits.
    rows = rows / jnp.sqrt(jnp.maximum(jnp.sum(rows**2, axis=1, keepdims=True), jnp.finfo(rows.dtype).tiny))
    normal = jnp.matmul(rows, rows.T, precision=_HIGHEST)
    normal = normal + 4 * jnp.finfo(rows.dtype).eps * jnp.eye(len(rows), dtype=rows.dtype)
    fit = jnp.linalg.solve(normal, jnp.matmul(rows, target, precision=_HIGHEST))
    return jnp.sum((target - jnp.matmul(fit, rows, precision=_HIGHEST)) ** 2)


def template_correlator(
    spectrograph: Spectrograph, velocities, *, degree: int | float = 3
) -> TemplateCorrelator:
    """Matching of a spectrograph's spectra with templates on its pixels, built on the host in float64.

    Args:
        spectrograph: Pixels; they should resolve the line spread function (two or more to its FWHM).
        velocities: Rising, of the star relative to the template. [km/s]
        degree: Of the polynomial that the template is multiplied by in each arm.

    Raises:
        ValueError: bad velocities or degree, or an arm too short for the shifts.
    Source: Zechmeister et al. (2018, A&A 609, A12), section 3: the template times a cubic polynomial.
    """
    velocities = checked_velocities(velocities)
    if not isinstance(degree, int) or not 0 <= degree <= 10:
        raise ValueError(f"degree = {degree!r}, allowed: whole numbers from 0 to 10")
    shifts = np.arctanh(velocities / C_KM_S)
    where, basis, start = [], [], 0
    for arm in spectrograph.arms:
        here = _positions(arm, shifts)
        inside = (here >= _EDGE) & (here <= arm.n_pixels - 1 - _EDGE)
        if inside.all(axis=0).sum() <= 2 * (degree + 1):
            raise ValueError(
                f"{spectrograph.name}, arm {arm.name}: {arm.n_pixels} pixels are too few for shifts from "
                f"{velocities[0]:g} to {velocities[-1]:g} km/s; narrow the velocities or leave the arm out"
            )
        where.append((np.where(inside, here, _EDGE) + start, inside.all(axis=0)))
        ln = np.log(arm.wavelength)
        x = 2 * (ln - ln[0]) / (ln[-1] - ln[0]) - 1
        basis.append(np.polynomial.legendre.legvander(x, degree).T)
        start += arm.n_pixels
    position = np.concatenate([p for p, _ in where], axis=1)
    return TemplateCorrelator(
        velocity=velocities,
        pixel=jnp.asarray(np.floor(position), dtype=jnp.int32),
        fraction=position - np.floor(position),
        basis=np.concatenate(basis, axis=1),
        inside=jnp.asarray(np.concatenate([inside for _, inside in where])),
        n_pixels=tuple(arm.n_pixels for arm in spectrograph.arms),
    )


def _positions(arm: Arm, shifts: np.ndarray) -> np.ndarray:
    """Where each pixel's middle lies among the pixels, counted from 0, when the star's shift is taken off.

    Middles in ln(wavelength), so that even pixels move by the same fraction; beyond the arm it is outside.
    """
    ln = np.log(arm.edges)
    middle = 0.5 * (ln[1:] + ln[:-1])
    edge_index = np.arange(arm.n_pixels + 1) - 0.5
    # Between edges the index is a smooth function of ln(wavelength): locally a parabola through three edges.
    target = middle - shifts[:, None]
    k = np.clip(np.searchsorted(ln, target) - 1, 0, arm.n_pixels - 2)
    x0, x1, x2 = ln[k], ln[k + 1], ln[k + 2]
    first = 1 / (x1 - x0)
    second = (1 / (x2 - x1) - first) / (x2 - x0)
    return edge_index[k] + (target - x0) * first + (target - x0) * (target - x1) * second
