"""Files of evolutionary tracks: the embedded one, of `python -m grids.build_tracks`, and others like it."""

from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from dynamojax.evolution.filling import continued
from dynamojax.evolution.stencil import metal_scale
from dynamojax.evolution.tracks import TrackGrid
from dynamojax.reading import reading

FORMAT = "dynamojax tracks"
FORMAT_VERSION = 1
EMBEDDED = Path(__file__).parents[1] / "data" / "tracks.h5"
_AXES = ("mass", "feh", "alpha")


def load_tracks(path: str | Path | None = None) -> TrackGrid:
    """Read a file of tracks; the embedded MIST tracks when no path is given.

    Raises:
        ValueError: not such a file, a newer version of it, or a damaged one.
    """
    path = EMBEDDED if path is None else Path(path)
    data = _read(path)
    # Stored as differences along the track, in whole steps: they pack well.
    cubes = [np.cumsum(data[name], axis=-1) * step for name, step in data["step"].items()]
    columns = tuple(data["step"])[1:]
    return track_grid(
        path,
        {name: data[name] for name in (*_AXES, "eep")},
        np.stack(cubes, axis=-1),
        data["first"].astype(int),
        data["last"].astype(int),
        columns,
    )


def track_grid(
    source: str | Path,
    axes: dict[str, np.ndarray],
    values: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    columns: tuple[str, ...],
) -> TrackGrid:
    """Tracks ready for JAX: checked, and continued past their ends.

    Args:
        source: What an error names.
        axes: Nodes of mass [M_sun], feh, alpha [dex] and eep.
        values: [n_mass, n_feh, n_alpha, n_eep, 1 + n_columns], log_age [dex Gyr] before the columns.
        first: Index of the first phase of each track.
        last: Index of the last phase; -1 where there is no track.
        columns: Names of all but log_age.

    Raises:
        ValueError: axes that do not increase, ages that do not, or values that are not finite.
    """
    for name in (*_AXES, "eep"):
        if np.any(np.diff(axes[name]) <= 0):
            raise ValueError(f"{source}: {name} = {axes[name]} must increase; rebuild the file")
    _check_tracks(source, axes, values, first, last)
    nodes = (np.log(axes["mass"]), metal_scale(axes["feh"]), axes["alpha"])
    full = continued(values, first, last, nodes)
    return TrackGrid(
        **axes,
        log_age=full[..., 0],
        values=full[..., 1:],
        first=jnp.asarray(first, dtype=jnp.int32),
        last=jnp.asarray(last, dtype=jnp.int32),
        columns=columns,
    )


def _check_tracks(source, axes, values, first, last) -> None:
    index = np.arange(values.shape[3])
    inside = (index >= first[..., None]) & (index <= last[..., None])
    pairs = inside[..., 1:] & inside[..., :-1]
    with np.errstate(invalid="ignore"):
        falling = pairs & ~(np.diff(values[..., 0], axis=-1) > 0)
    broken = inside & ~np.isfinite(values).all(-1)
    for bad, what in ((falling, "age does not increase"), (broken, "a value is not finite")):
        if bad.any():
            i, j, k, n = np.argwhere(bad)[0]
            raise ValueError(
                f"{source}: {what} at mass = {axes['mass'][i]}, feh = {axes['feh'][j]}, "
                f"alpha = {axes['alpha'][k]}, eep = {axes['eep'][n]} (and {int(bad.sum()) - 1} more places); "
                "leave this track out or repair it"
            )


def _read(path: Path) -> dict[str, Any]:
    with reading(path, FORMAT, FORMAT_VERSION, "build it with python -m grids.build_tracks") as file:
        names = tuple(str(name) for name in np.asarray(file.attrs["columns"]))
        datasets: dict[str, Any] = {name: file[name] for name in (*_AXES, "eep", "first", "last", *names)}
        data = {name: dataset[()] for name, dataset in datasets.items()}
        data["step"] = {name: float(datasets[name].attrs["step"]) for name in names}
    return data
