"""The tables of injected stars: coverage, ranks, bias, errors over bounds, and what is degenerate.

Each star's row stays in results/fit_inject_stars.json, so that samples grow from session to session.
"""

import json
from pathlib import Path

import numpy as np
from scipy.stats import kstest

from benchmarks.fit_stars import MODES
from benchmarks.harness import RESULTS, environment
from dynamojax.writing import replacing

HELD = 0.25  # posterior over prior width, up to which a parameter is called identified
OPEN = 0.75  # from which it is called degenerate
STARS = RESULTS / "fit_inject_stars.json"
EARLY = RESULTS / "fit_inject_early.json"  # of stars 20 to 144, the rows of which are gone: it has their sums
OF_EARLY = range(20, 145)
KEYS = ("rank", "off", "median_off", "error", "prior", "bound")


def _class(name: str) -> str:
    return name.split("[")[0]


def _collected(stars: list[dict]) -> dict[str, np.ndarray]:
    """Columns by class of parameters: star, rank, off, off of the median, error, prior, bound."""
    found: dict[str, list] = {}
    for star in stars:
        for name, row in star["parameters"].items():
            found.setdefault(_class(name), []).append([star["star"], *(row[k] for k in KEYS)])
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


def table(stars: list[dict]) -> dict:
    """Of one kind of data: stars without a fault count, the others are named."""
    fine = [s for s in stars if not s["faults"]]
    columns = _collected(fine)
    faulty = {s["star"]: s["faults"] for s in stars if s["faults"]}
    return {
        **{"n_stars": len(stars), "n_counted": len(fine), "faulty": faulty},
        **{"median_wall_s": float(np.median([s["wall_s"] for s in stars]))},
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
    by = {mode: {s["star"]: s for s in stars if not s["faults"]} for mode, stars in parts.items()}
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


def kept() -> dict[str, dict[int, dict]]:
    """Rows of all stars there are, by kind of data and number of the star."""
    stars = json.loads(STARS.read_text())["stars"] if STARS.is_file() else {}
    return {mode: {row["star"]: _long(row) for row in stars.get(mode, [])} for mode in MODES}


def _long(row: dict) -> dict:
    def numbers(x):
        return {k: np.nan if v is None else v for k, v in zip(KEYS, x, strict=True)}

    return row | {"parameters": {n: numbers(x) for n, x in row["parameters"].items()}}


def _short(row: dict) -> dict:
    """Four digits of what is a number; JSON knows no others."""
    values = {
        n: [float(f"{x[k]:.4g}") if np.isfinite(x[k]) else None for k in KEYS]
        for n, x in row["parameters"].items()
    }
    about = {"star": row["star"], "commit": row["commit"], "wall_s": round(row["wall_s"], 1)}
    return about | {"faults": row["faults"], "parameters": values}


def _keep(parts: dict[str, dict[int, dict]]) -> None:
    stars = {mode: [_short(rows[i]) for i in sorted(rows)] for mode, rows in parts.items()}
    text = json.dumps({"environment": environment(), "keys": KEYS, "stars": stars}, separators=(",", ":"))
    RESULTS.mkdir(exist_ok=True)
    with replacing(STARS) as part:
        part.write_text(text.replace('{"star"', '\n{"star"') + "\n")


def sum_up(folder: Path) -> dict:
    """All tables, of the stars kept and of those in a folder, printed and written."""
    parts = kept()
    for mode, rows in parts.items():
        for path in (folder / mode).glob("*.json"):
            row = json.loads(path.read_text())
            rows[row["star"]] = row | {"faults": faults_of_runs(row["faults"], row.get("r_hat"))}
    _keep(parts)
    parts = {mode: [rows[i] for i in sorted(rows)] for mode, rows in kept().items() if rows}
    result = {
        "environment": environment(),
        "tables": {mode: table(stars) for mode, stars in parts.items()},
        "open": {mode: _names_open([s for s in stars if not s["faults"]]) for mode, stars in parts.items()},
        "joint_over_alone": together(parts),
    }
    result["with_early"] = with_early(parts)
    for mode, rows in result["tables"].items():
        print(f"{mode}: {rows['n_counted']} of {rows['n_stars']} counted, {rows['all']}")
        for name, row in rows["parameters"].items():
            print(f"  {name:18s}", _line(row))
        print("  with the stars before:", result["with_early"].get(mode))
    print("\n".join(markdown(result)))
    with replacing(RESULTS / "fit_inject.json") as part:
        part.write_text(json.dumps(result, indent=1) + "\n")
    return result


def with_early(parts: dict[str, list[dict]]) -> dict:
    """Coverage of these stars and of those before, whose shares were kept: all, and each parameter."""
    early, pooled = json.loads(EARLY.read_text())["tables"] if EARLY.is_file() else {}, {}
    for mode in early.keys() & parts.keys():
        now = table([s for s in parts[mode] if s["star"] not in OF_EARLY])
        if not now["n_counted"]:
            continue
        both = [early[mode], now]
        n = np.array([t["n_counted"] for t in both], float)
        shares = {
            "all": [[t["all"][f"coverage_{share}"] for share in (68, 95)] for t in both],
            **{
                name: [[t["parameters"][name][f"coverage_{share}"][0] for share in (68, 95)] for t in both]
                for name in now["parameters"]
            },
        }
        pooled[mode] = {"n_counted": int(n.sum())} | {
            name: (n @ np.array(x) / n.sum()).round(4).tolist() for name, x in shares.items()
        }
    return pooled


def markdown(result: dict) -> list[str]:
    """A table of coverage and width, and of the joint errors over those of either alone."""
    tables, over = result["tables"], result["joint_over_alone"]
    tables = {mode: t for mode, t in tables.items() if t["n_counted"]}
    if not tables:
        return ["no star counts yet"]
    counts = ", ".join(f"{t['n_counted']} of {t['n_stars']}" for t in tables.values())
    lines = [f"counted: {counts}", "| | " + " | ".join(tables) + " | " + " | ".join(over) + " |"]
    for name in ["all", *next(iter(tables.values()))["parameters"]]:
        cells = []
        for t in tables.values():
            if name == "all":
                cells.append(" / ".join(f"{100 * t['all'][f'coverage_{s}']:.1f}" for s in (68, 95)))
            else:
                row = t["parameters"][name]
                cells.append(" / ".join(f"{100 * row[f'coverage_{s}'][0]:.0f}" for s in (68, 95)))
                cells[-1] += f", {row['median_width_over_prior']:.2f}"
        cells += [
            f"{rows[name]['median_error_ratio']:.2f}" if name != "all" else "" for rows in over.values()
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


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
