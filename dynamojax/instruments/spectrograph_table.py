"""A spectrograph of one's own, from a text table or from the pixels of an observed spectrum."""

from pathlib import Path

import numpy as np

from dynamojax.instruments.schedule import regular_times
from dynamojax.instruments.spectrograph import Arm, Spectrograph

_JUMP = 3.0  # steps larger than this many of the steps before and after separate arms


def from_pixels(
    name: str,
    wavelength,
    resolution,
    times=None,
    *,
    medium: str = "vacuum",
    exposure: float | int = 0.0,
    n_sub: int = 1,
    **schedule,
) -> Spectrograph:
    """A spectrograph with given pixels; where they leave a gap, a new arm begins.

    Args:
        name: What its spectra are called.
        wavelength: Centres of the pixels, rising. [A]
        resolution: A number, one for each pixel, or a pair of wavelengths and resolving powers. [1]
        times: Of mid-exposure; or, in its place, `epochs`, `start` and `cadence`. [day]
        medium: Of the wavelengths, here and in its files: vacuum or air.
        exposure: [day]
        n_sub: Sub-exposures.
        **schedule: epochs = 1, start = 0.0, cadence = 1.0 [day].
    """
    wavelength = np.asarray(wavelength, dtype=np.float64)
    arms = []
    for i, here in enumerate(_stretches(wavelength)):
        # By `Arm`'s own meaning: a pair of columns is a table, everything else goes with the pixels.
        is_per_pixel = not isinstance(resolution, tuple) and np.ndim(resolution) == 1
        at = np.asarray(resolution)[here] if is_per_pixel else resolution
        arms.append(Arm.from_centres(f"arm{i + 1}", wavelength[here], at, medium=medium))
    times = regular_times(name, times, **schedule)
    return Spectrograph(name, tuple(arms), times, exposure, n_sub, medium)


def _stretches(wavelength: np.ndarray) -> list[slice]:
    steps = np.diff(wavelength)
    if steps.size < 2:
        return [slice(0, wavelength.size)]
    before = np.concatenate([steps[1:2], steps[:-1]])
    after = np.concatenate([steps[1:], steps[-2:-1]])
    cuts = np.flatnonzero(steps > _JUMP * np.minimum(before, after)) + 1
    bounds = [0, *cuts, wavelength.size]
    return [slice(a, b) for a, b in zip(bounds[:-1], bounds[1:], strict=True)]


def from_table(path: str | Path, name: str, times=None, *, resolution=None, **settings) -> Spectrograph:
    """Read the pixels of a spectrograph: wavelength of the centre and, if it varies, resolving power.

    Columns are apart by blanks or a comma; # begins a comment.

    Args:
        path: Text file.
        name: What its spectra are called.
        times: As in `from_pixels`.
        resolution: In place of the second column, as in `from_pixels`. [1]
        **settings: As in `from_pixels`.

    Raises:
        ValueError: no such table, or no resolving power.
    """
    try:
        lines = (line.replace(",", " ") for line in Path(path).read_text().splitlines())
        table = np.loadtxt(lines, ndmin=2)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{path} is not a table of numbers ({error}); give wavelength and resolution"
        ) from None
    if not table.size:
        raise ValueError(f"{path} is empty; give wavelength and resolution")
    if resolution is None and table.shape[1] < 2:
        raise ValueError(
            f"{path} has one column; add the resolving power as a second, or give resolution = a number"
        )
    return from_pixels(
        name, table[:, 0], table[:, 1] if resolution is None else resolution, times, **settings
    )
