"""Cubic Hermite interpolation with the slopes of three-point parabolas, in float64 NumPy."""

import numpy as np


def slopes(x, f):
    """Derivative at each node of the parabola through it and its neighbours; one-sided at the ends."""
    out = np.empty_like(f)
    for i in range(len(x)):
        j = min(max(i - 1, 0), len(x) - 3)
        out[i] = np.polyval(np.polyder(np.polyfit(x[j : j + 3] - x[i], f[j : j + 3], 2)), 0.0)
    return out


def interpolate(x, f, at):
    d = slopes(x, f)
    i = min(max(np.searchsorted(x, at, side="right") - 1, 0), len(x) - 2)
    h = x[i + 1] - x[i]
    # The cubic with the two values and the two slopes, by its divided differences.
    secant = (f[i + 1] - f[i]) / h
    c2 = (3 * secant - 2 * d[i] - d[i + 1]) / h
    c3 = (d[i] + d[i + 1] - 2 * secant) / h**2
    t = at - x[i]
    return f[i] + t * (d[i] + t * (c2 + t * c3))


def interpolate3(axes, cube, point):
    """Tensor product: one axis after another."""
    for axis, at in zip(axes, point, strict=True):
        flat = cube.reshape(len(axis), -1)
        rest = [interpolate(axis, flat[:, k], at) for k in range(flat.shape[1])]
        cube = np.array(rest).reshape(cube.shape[1:])
    return cube
