"""The tables of injected stars: coverage, ranks, bias, errors over bounds, and what is degenerate."""

import json
from pathlib import Path

import numpy as np
from scipy.stats import kstest

from benchmarks.harness import RESULTS, environment

HELD = 0.25  # posterior over prior width, up to which a parameter is called identified
OPEN = 0.75  # from which it is called degenerate


def _class(name: str) -> str:
    return name.split("[")[0]


def _collected(stars: list[dict]) -> dict[str, np.ndarray]:
    """Columns by class of parameters: star, rank, off, off of the median, error, prior, bound."""
    found: dict[str, list] = {}
    keys = ("rank", "off", "median_off", "error", "prior", "bound")
    for star in stars:
        for name, row in star["parameters"].items():
            found.setdefault(_class(name), []).append([star["star"], *(row[k] for k in keys)])
    return {name: np.array(rows, float).T for name, rows in found.items()}


def _coverage(rank: np.ndarray, share: float) -> list[float]:
    """Share of truths within the central interval, and its binomial error."""
    inside = float(np.mean(np.abs(rank - 0.5) < share / 2))
    return [inside, float(np.sqrt(share * (1 - share) / len(rank)))]


def statistics(columns: np.ndarray) -> dict:
    """Of one class of parameters: of all stars, of those whose posterior is narrow, and who is open."""
    _, rank, off, _, error, prior, bound = columns
    held = error / prior < HELD
    row = {
        **{"n": len(rank), "coverage_68": _coverage(rank, 0.68), "coverage_95": _coverage(rank, 0.95)},
        **{
            "rank_ks_p": float(kstest(rank, "uniform").pvalue),
            "median_width_over_prior": float(np.median(error / prior)),
        },
        **{"bias_in_errors": float(np.mean(off / error)), "bias_error": float(1 / np.sqrt(len(rank)))},
        **{"median_error": float(np.median(error)), "rms_off": float(np.sqrt(np.mean(off**2)))},
        **{"share_identified": float(np.mean(held)), "share_open": float(np.mean(error / prior > OPEN))},
    }
    if held.sum() >= 5:
        row["identified"] = _of_the_held(*(c[held] for c in columns))
    return row


def _of_the_held(_, rank, off, median_off, error, prior, bound) -> dict:
    fine = np.isfinite(bound)
    return {
        **{"n": len(rank), "coverage_68": _coverage(rank, 0.68), "coverage_95": _coverage(rank, 0.95)},
        **{"rank_ks_p": float(kstest(rank, "uniform").pvalue), "bias_in_errors": float(np.mean(off / error))},
        "median_error_over_bound": float(np.median((error / bound)[fine])) if fine.any() else None,
        "median_off_over_bound": float(np.median(np.abs(median_off / bound)[fine]) / 0.6745)
        if fine.any()
        else None,
    }


def faults_of_runs(faults, r_hat) -> list[str]:
    """Faults; where several runs were compared, their agreement stands for the drift of each."""
    return [f for f in faults if r_hat is None or "drifts" not in f]


def _of_runs(star: dict) -> list[str]:
    return faults_of_runs(star["faults"], star.get("r_hat"))


def table(stars: list[dict]) -> dict:
    """Of one kind of data: stars without a fault count, the others are named."""
    stars = [{**s, "faults": _of_runs(s)} for s in stars]
    fine = [s for s in stars if not s["faults"]]
    columns = _collected(fine)
    faulty = {s["star"]: s["faults"] for s in stars if s["faults"]}
    return {
        **{"n_stars": len(stars), "n_counted": len(fine), "faulty": faulty},
        **{"median_wall_s": float(np.median([s["wall_s"] for s in stars]))},
        **{"median_k_hat": float(np.median([s["k_hat"] for s in stars if "k_hat" in s]))},
        "parameters": {name: statistics(c) for name, c in columns.items()},
        "all": {
            f"coverage_{share}": float(np.mean([_inside(s, share) for s in fine])) if fine else None
            for share in (68, 95)
        },
        "with_faulty_ones": {
            name: [_coverage(c[1], 0.68)[0], _coverage(c[1], 0.95)[0]]
            for name, c in _collected([s for s in stars if s["parameters"]]).items()
        },
    }


def _inside(star: dict, share: int) -> float:
    return float(np.mean([abs(row["rank"] - 0.5) < share / 200 for row in star["parameters"].values()]))


def _names_open(stars: list[dict]) -> dict[str, list[int]]:
    """Stars, by class, whose data say next to nothing of a parameter."""
    found: dict[str, list[int]] = {}
    for star in stars:
        for name, row in star["parameters"].items():
            if row["error"] / row["prior"] > OPEN:
                found.setdefault(name, []).append(star["star"])
    return found


def together(parts: dict[str, list[dict]]) -> dict:
    """Joint against either alone, star by star: medians of the ratio of errors, and of rms of offsets."""
    by = {mode: {s["star"]: s for s in stars if not _of_runs(s)} for mode, stars in parts.items()}
    rows = {}
    for alone in ("light", "spectrum"):
        both = sorted(set(by.get("joint", {})) & set(by.get(alone, {})))
        if not both:
            continue
        names = {}
        for i in both:
            a, b = by["joint"][i]["parameters"], by[alone][i]["parameters"]
            for name in a:
                names.setdefault(_class(name), []).append(
                    [a[name]["error"], b[name]["error"], a[name]["off"], b[name]["off"]]
                )
        rows[alone] = {"n_stars": len(both)} | {name: _ratio(np.array(x).T) for name, x in names.items()}
    return rows


def _ratio(columns: np.ndarray) -> dict:
    joint, alone, off, off_alone = columns
    return {
        "median_error_ratio": float(np.median(joint / alone)),
        "rms_off_ratio": float(np.sqrt(np.mean(off**2) / np.mean(off_alone**2))),
    }


def sum_up(folder: Path, modes=("light", "spectrum", "joint")) -> dict:
    """All tables, printed and written."""
    parts = {
        mode: [json.loads(path.read_text()) for path in sorted((folder / mode).glob("*.json"))]
        for mode in modes
        if (folder / mode).is_dir()
    }
    result = {
        "environment": environment(),
        "tables": {mode: table(stars) for mode, stars in parts.items()},
        "open": {mode: _names_open([s for s in stars if not _of_runs(s)]) for mode, stars in parts.items()},
        "joint_over_alone": together(parts),
    }
    for mode, rows in result["tables"].items():
        print(f"{mode}: {rows['n_counted']} of {rows['n_stars']} counted, {rows['all']}")
        for name, row in rows["parameters"].items():
            print(f"  {name:18s}", _line(row))
    for alone, rows in result["joint_over_alone"].items():
        print(
            f"joint over {alone}:",
            {k: round(v["median_error_ratio"], 3) for k, v in rows.items() if k != "n_stars"},
        )
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "fit_inject.json").write_text(json.dumps(result, indent=1) + "\n")
    return result


def _line(row: dict) -> str:
    held = row.get("identified", {})
    parts = [
        f"n {row['n']}, 68: {row['coverage_68'][0]:.3f}+-{row['coverage_68'][1]:.3f}",
        f"95: {row['coverage_95'][0]:.3f}+-{row['coverage_95'][1]:.3f}, KS p {row['rank_ks_p']:.3f}",
        f"bias {row['bias_in_errors']:+.2f}, width/prior {row['median_width_over_prior']:.2f}",
    ]
    if held.get("median_off_over_bound"):
        parts.append(f"held {held['n']}: off/bound {held['median_off_over_bound']:.2f}")
    return "; ".join(parts)
