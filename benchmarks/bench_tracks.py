"""Errors and speed of the embedded tracks, beside kiauhoku and the original's nearest neighbour.

    python -m benchmarks.bench_tracks [--folder UNPACKED_LACHESIS_GRIDS] [--peers] [--batch 100000]

Left out: one mass, or one metallicity, is taken away, and the stars on its tracks are made from the others at
the same age: upper bounds of the error, the spacing being doubled there. Stars are taken evenly in phase,
where the rapid hook at the end of the main sequence has a fifth of the weight, or evenly in age.
Wider: cells of twice and four times the grid's width; how errors fall says what is left at its own width.
Direct: rows of MIST's own isochrones, at whatever mass they are, against the tracks at that mass.
"""

import dataclasses
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import harness
from dynamojax.constants import GM_SUN_KM3_S2, R_SUN_KM
from dynamojax.evolution.track_file import load_tracks
from dynamojax.evolution.tracks import TrackGrid, at_phase, evolve

PHASES = {"main sequence": (202, 454), "to the tip of the giant branch": (454, 604), "before": (100, 202)}
_evolved, _at_phase = (jax.jit(jax.vmap(f, (None, 0, 0, 0))) for f in (evolve, at_phase))
_CHUNK = 8192
RANGES = ((0.1, 0.3), (0.3, 0.6), (0.6, 1.1), (1.1, 1.4), (1.4, 2.0), (2.0, 4.5))  # of the mass [M_sun]
_POOREST, _OLDEST_GYR = -1.0, 20.0  # metallicities from here on are 0.25 dex apart


def evolved(grid: TrackGrid, *at, function=_evolved):
    """Any number of stars, in chunks of one size, so that a grid is compiled for once."""
    n = len(at[0])
    parts = []
    for begin in range(0, n, _CHUNK):
        piece = [np.resize(x[begin : begin + _CHUNK], _CHUNK) for x in map(np.asarray, at)]
        parts.append(function(grid, *map(jnp.asarray, piece)))
    return jax.tree.map(lambda *x: np.concatenate(x)[:n], *parts)


def thinned(grid: TrackGrid, mass=slice(None), feh=slice(None)) -> TrackGrid:
    """The grid with these masses and metallicities."""
    parts = {f.name: getattr(grid, f.name) for f in dataclasses.fields(grid)}
    cubes = ("log_age", "values", "first", "last")
    parts |= {name: parts[name][mass][:, feh] for name in cubes}
    return TrackGrid(**parts | {"mass": grid.mass[mass], "feh": grid.feh[feh]})


def track_stars(grid: TrackGrid, i: int, j: int, phases, evenly: str):
    """Ages [Gyr] of stars on one track: evenly in phase, three steps apart, or 60 evenly in age."""
    low, high = (int(p - grid.eep[0]) for p in phases)
    first, last = max(low, int(grid.first[i, j, 0])), min(high, int(grid.last[i, j, 0]))
    if last <= first:
        return np.zeros(0)
    ages = 10 ** np.asarray(grid.log_age)[i, j, 0, first : last + 1]
    if evenly == "in phase":
        return ages[::3]
    return (
        np.linspace(ages[0], min(ages[-1], _OLDEST_GYR), 62)[1:-1] if ages[0] < _OLDEST_GYR else np.zeros(0)
    )


def outputs(star) -> np.ndarray:
    """Ln teff, log g, ln luminosity. [3, n]."""
    return np.stack([np.log(star.teff), np.asarray(star.logg), np.log(star.luminosity)])


def error_row(task: str, got, want, **facts) -> dict:
    """Percentiles of the differences where both exist, and the share of stars that are not there."""
    both = np.isfinite(got[0]) & np.isfinite(want[0])
    error = np.abs(got - want)[:, both]
    row = {"task": task, **facts, "n": int(both.sum()), "absent": float(1 - both.mean())}
    for name, values, scale in zip(
        ("teff_percent", "logg", "luminosity_percent"), error, (100, 1, 100), strict=True
    ):
        row |= {f"{name}_{p}": float(np.percentile(scale * values, p)) for p in (50, 90, 95, 99)}
    print(
        f"{task:18s} {str(facts):110s} n {row['n']:6d} absent {row['absent']:.3f}  "
        + "  ".join(
            f"{k} {row[k + '_50']:.3g} / {row[k + '_95']:.3g}"
            for k in ("teff_percent", "logg", "luminosity_percent")
        ),
        flush=True,
    )
    return row


def left_out(grid: TrackGrid) -> list[dict]:
    """Errors with one mass, or metallicity, left out, by phase and mass."""
    rows = []
    for phase, limits in PHASES.items():
        for axis in ("mass", "metallicity"):
            for evenly in ("in phase", "in age") if phase == "main sequence" else ("in phase",):
                mass, *pair = _without_one(grid, axis, limits, evenly)
                for low, high in RANGES:
                    inside = (mass >= low) & (mass < high)
                    if not inside.any():  # stars below 0.6 M_sun stay on the main sequence for 20 Gyr
                        continue
                    facts = {"left out": f"one {axis}", "phase": phase, "evenly": evenly, "mass": [low, high]}
                    rows.append(error_row("leave one out", *(x[:, inside] for x in pair), **facts))
    return rows


def _without_one(grid: TrackGrid, axis: str, limits, evenly: str, nodes=None, also: int = 0):
    """Masses of stars on every track that has one on either side, and what they are without it and with.

    `also` on either side of it are left out, too; `nodes`, if given, are the ones to leave out.
    """
    n_mass, n_feh = len(grid.mass), len(grid.feh)
    fehs = [j for j in range(n_feh - 1) if grid.feh[j] >= _POOREST]
    nodes = nodes or (range(1, n_mass - 1) if axis == "mass" else fehs)
    masses, found, true = [], [], []
    for left in nodes:
        tracks = (
            [(left, j) for j in (*fehs, n_feh - 1)] if axis == "mass" else [(i, left) for i in range(n_mass)]
        )
        ages = [track_stars(grid, i, j, limits, evenly) for i, j in tracks]
        sizes = [len(a) for a in ages]
        if not sum(sizes):
            continue
        i, j = (np.repeat([t[k] for t in tracks], sizes) for k in (0, 1))
        at = np.asarray(grid.mass)[i], np.asarray(grid.feh)[j], np.concatenate(ages)
        gone = slice(left - also, left + also + 1)
        kept = np.delete(np.arange(n_mass if axis == "mass" else n_feh), gone)
        rest = thinned(grid, mass=kept) if axis == "mass" else thinned(grid, feh=kept)
        masses.append(at[0])
        found.append(outputs(evolved(rest, *at)))
        true.append(outputs(evolved(grid, *at)))
    return np.concatenate(masses), np.concatenate(found, axis=1), np.concatenate(true, axis=1)


def wider(grid: TrackGrid) -> list[dict]:
    """Errors in the middle of cells twice and four times as wide as the grid's, of the same stars."""
    rows, n_mass, n_feh = [], len(grid.mass), len(grid.feh)
    middle = {"mass": range(2, n_mass - 2), "metallicity": [j for j in range(n_feh - 2) if grid.feh[j] > -1]}
    for axis, nodes in middle.items():
        for also in (0, 1):
            mass, *pair = _without_one(grid, axis, PHASES["main sequence"], "in age", nodes, also)
            for low, high in RANGES:
                inside = (mass >= low) & (mass < high)
                if inside.any():
                    facts = {"axis": axis, "cells": 2 * also + 2, "evenly": "in age", "mass": [low, high]}
                    rows.append(error_row("wider cells", *(x[:, inside] for x in pair), **facts))
    return rows


def direct(grid: TrackGrid, folder: Path) -> list[dict]:
    """Differences from MIST's isochrones, row by row, from stars of the same age and of the same phase.

    Below 0.7 M_sun isochrones are straight lines in mass between the tracks that the grid has, too.
    """
    from grids.build_tracks import FILE, LOG_L_SUN, read_isochrones

    feh, log_age, table, names = read_isochrones(folder / FILE)
    column = dict(zip(names, np.moveaxis(table, -1, 0), strict=True))
    mass, ln10 = column["initial_mass"], np.log(10)
    z, t, eep = np.meshgrid(feh, log_age, np.arange(table.shape[2]), indexing="ij")
    known = np.isfinite(column["log_L"]) & (z >= _POOREST) & (t >= 6.5) & (mass > 0.1001)
    rng, rows = np.random.default_rng(0), []
    for phase, (first, end) in PHASES.items():
        for low, high in RANGES:
            places = np.argwhere(known & (eep >= first) & (eep < end) & (mass >= low) & (mass < high))
            if len(places) < 100:
                continue
            pick = tuple(places[rng.choice(len(places), min(_CHUNK, len(places)), replace=False)].T)
            gravity = np.log10(GM_SUN_KM3_S2 / R_SUN_KM**2 * 1e5) + np.log10(column["star_mass"][pick])
            logg = gravity - 2 * (column["log_R"][pick] + np.log10(6.9598 / 6.957))
            luminosity = ln10 * (column["log_L"][pick] + LOG_L_SUN)
            want = np.stack([ln10 * column["log_Teff"][pick], logg, luminosity])
            ages, phases = 10 ** (t[pick] - 9), 1.0 * eep[pick]
            for at, function, of in (("age", _evolved, ages), ("phase", _at_phase, phases)):
                got = outputs(evolved(grid, mass[pick], z[pick], of, function=function))
                facts = {"phase": phase, "mass": [low, high], "at the same": at}
                rows.append(error_row("MIST's isochrones", got, want, **facts))
    return rows


def sun(grid: TrackGrid) -> list[dict]:
    """The Sun, at MIST's solar composition and at the initial metallicity that fits best."""
    rows = []
    for feh in (0.0, 0.05):
        star = evolve(grid, *map(jnp.asarray, (1.0, feh, 4.57)))
        rows.append(
            {"task": "the Sun at 4.57 Gyr", "feh": feh}
            | {k: float(getattr(star, k)) for k in ("teff", "luminosity", "radius", "logg", "eep")}
        )
        print(rows[-1])
    return rows


def _sample(n: int, dtype):
    rng = np.random.default_rng(0)
    mass, feh, age = rng.uniform(0.3, 1.6, n), rng.uniform(-1.0, 0.4, n), rng.uniform(0.1, 10.0, n)
    return tuple(jnp.asarray(x, dtype) for x in (mass, feh, age))


def speed(batch: int, n_runs: int) -> list[dict]:
    """A population made at once, and its gradient, in single precision; errors against double."""
    grid, at = load_tracks(), _sample(batch, jnp.float32)
    with jax.enable_x64(True):
        exact = outputs(evolved(load_tracks(), *_sample(batch, jnp.float64)))

    def loss(grid, *at):
        star = jax.vmap(evolve, (None, 0, 0, 0))(grid, *at)
        return jnp.where(star.valid, jnp.log(star.luminosity), 0.0).sum()

    rows = []
    for system, function in (
        ("dynamojax", jax.vmap(evolve, (None, 0, 0, 0))),
        ("dynamojax, with gradient", jax.grad(loss, argnums=(1, 2, 3))),
    ):
        timing, result = harness.time_jax(function, grid, *at, n_runs=n_runs)
        facts = {}
        if system == "dynamojax":
            error = np.abs(outputs(result) - exact)
            facts = {
                f"{k}_error_95": float(np.nanpercentile(e, 95))
                for k, e in zip(("ln_teff", "logg", "ln_luminosity"), error, strict=True)
            }
        rows.append(
            harness.row("stars from mass, feh, age", system, timing, dtype="float32", batch=batch, **facts)
        )
        harness.show(rows[-1])
    return rows


def peers(grid: TrackGrid, n_runs: int) -> list[dict]:
    """Of kiauhoku on the same tracks, and of the original: nearest in (mass, feh, alpha, age)."""
    import kiauhoku
    import pandas
    from scipy.interpolate import NearestNDInterpolator

    first, last = np.asarray(grid.first), np.asarray(grid.last)
    index = np.arange(len(grid.eep))
    exists = (index >= first[..., None]) & (index <= last[..., None])
    i, j, _, n = np.nonzero(exists)
    levels = np.asarray(grid.mass)[i], np.asarray(grid.feh)[j], np.asarray(grid.eep)[n].astype(int)
    frame = pandas.DataFrame(
        {
            "age": 10 ** np.asarray(grid.log_age)[exists],
            "log_teff": np.asarray(grid.values)[exists][:, 0],
            "log_lum": np.asarray(grid.values)[exists][:, 1],
        },
        index=pandas.MultiIndex.from_arrays(levels, names=["initial_mass", "initial_met", "eep"]),
    )
    theirs = kiauhoku.stargrid.from_pandas(frame, name="mist").to_interpolator()
    at = [np.asarray(x) for x in _sample(200, jnp.float32)]
    ours = evolved(grid, *at)
    use = np.flatnonzero(np.asarray(ours.valid))
    want = outputs(ours)[:, use]

    def linear(rows):
        stars = [theirs.get_star_age((at[0][k], at[1][k]), at[2][k], age_label="age") for k in rows]
        return np.array([[np.log(10) * s["log_teff"], np.nan, np.log(10) * s["log_lum"]] for s in stars]).T

    points = np.column_stack([levels[0], levels[1], 0 * levels[0], frame["age"]])
    nearest = NearestNDInterpolator(points, frame[["log_teff", "log_lum"]].to_numpy())

    def original(rows):
        found = nearest(np.column_stack([at[0][rows], at[1][rows], 0 * at[0][rows], at[2][rows]]))
        return np.stack([np.log(10) * found[:, 0], np.full(len(rows), np.nan), np.log(10) * found[:, 1]])

    rows = []
    for system, function in (
        ("kiauhoku 2.1.2, get_star_age", linear),
        ("nearest neighbour, as the original", original),
    ):
        timing, got = harness.time_host(function, use, n_runs=n_runs)
        error = 100 * np.abs(got - want)[[0, 2]]
        facts = {
            f"{k}_percent_from_ours_{p}": float(np.nanpercentile(e, p))
            for k, e in zip(("teff", "luminosity"), error, strict=True)
            for p in (50, 95)
        }
        rows.append(
            harness.row("stars from mass, feh, age", system, timing, dtype="float64", batch=len(use), **facts)
        )
        harness.show(rows[-1])
        print(facts)
    return rows


def main(argv=None) -> None:
    """Measure, print and write the rows."""
    parser = harness.arguments(__doc__)
    parser.add_argument("--folder", type=Path, help="unpacked lachesis-grids, for the direct comparison")
    options = parser.parse_args(argv)
    with jax.enable_x64(True):
        grid = load_tracks()
        rows = sun(grid) + left_out(grid) + wider(grid)
        rows += direct(grid, options.folder) if options.folder else []
        rows += peers(grid, options.runs) if options.peers else []
    for batch in options.batch:
        rows += speed(batch, options.runs)
    print("written:", harness.write_results(options.name or "tracks", rows))


if __name__ == "__main__":
    main()
