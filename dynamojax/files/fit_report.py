"""The report of a fit: Markdown, with the figures beside it."""

from pathlib import Path

import numpy as np

from dynamojax.files.fit_record import CONVERGED, FAILED, FitRecord, FittedParameter
from dynamojax.writing import replacing

_CLOSE = 1.0  # in ln posterior
_FAR = 2.0  # chi square a point, from which on errors cannot be believed
_WORDS = {
    CONVERGED: "The best end converged: another step would gain next to nothing.",
    FAILED: "**The fit failed: no start led to a star that can be simulated. There are no values.** Try "
    "other starts, or bounds within the grid.",
}
_UNFINISHED = (
    "**The best end is not converged: the values are where the optimiser stood, not the most probable "
    "ones.** Raise `fit.steps`, or give starts nearer to the star."
)


def write_report(folder: Path, record: FitRecord, figures: dict[str, str]) -> Path:
    """Write `report.md`.

    Args:
        folder: Of the results.
        record: Of the fit.
        figures: Captions by the name of the file, in order.
    """
    parts = [f"# Fit of {record.name}", _WORDS.get(record.status, _UNFINISHED), _data(record)]
    parts += [_parameters(record), _starts(record), _open(record), _posterior(record)]
    parts += [f"![{caption}]({name})\n\n{caption}" for name, caption in figures.items()]
    parts += [_provenance(record)]
    path = folder / "report.md"
    with replacing(path) as part:
        part.write_text("\n\n".join(part for part in parts if part) + "\n")
    return path


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


def _data(record: FitRecord) -> str:
    rows = []
    for name, data in record.data.items():
        fitted = (
            (f"{data.chi2 / data.n_good:.3f}", f"{1e6 * data.rms:.0f}")
            if record.status != FAILED
            else ("-", "-")
        )
        rows.append(
            (
                name,
                data.kind.replace("_", " "),
                str(data.n_good),
                fitted[0],
                fitted[1],
                f"{1e6 * data.typical_error:.0f}",
            )
        )
    header = "data", "kind", "points", "chi2 a point", "rms of the residual [ppm]", "median error [ppm]"
    text = "## Data\n\n" + _table(header, rows)
    far = [name for name, data in record.data.items() if data.chi2 > _FAR * data.n_good]
    if far and record.status != FAILED:
        text += (
            f"\n\n**chi2 a point of {', '.join(far)} is far above 1: the model lacks something, or the "
            "errors are too small; all uncertainties below are too small, too.** The residuals show which."
        )
    if record.statistics.get("n_good", np.inf) <= record.statistics.get("n_free", 0.0):
        text += "\n\n**There are no more points than free parameters: only bounds and priors hold these.**"
    if record.period:
        p = record.period
        text += (
            f"\n\nPeriod found first: {p['value']:.5g} d (periodogram {p['lomb_scargle']:.5g} d, false-alarm "
            f"probability {p['false_alarm']:.1g}, autocorrelation {p['correlation']:.2f})."
        )
    if record.bics:
        gains = ", ".join(f"{n}: {bic:.1f}" for n, bic in enumerate(record.bics))
        text += f"\n\nBIC by number of spots: {gains}."
    return text


def digits(value: float, error: float) -> str:
    """A value with the two digits of its error, no more."""
    if not np.isfinite(value):
        return "-"
    if not (np.isfinite(error) and error > 0):
        return f"{value:.6g}"
    places = int(np.clip(1 - np.floor(np.log10(error)), 0, 12))
    return f"{value:.{places}f}"


def _parameters(record: FitRecord) -> str:
    rows = [
        (
            f"`{p.name}`",
            p.unit,
            digits(p.value, p.error),
            digits(p.error, p.error) if np.isfinite(p.error) else "not held" if p.error > 0 else "-",
            _span(p.interval_68, p.error),
            f"{_span((p.low, p.high), np.nan)}, {p.prior}",
            _remarks(p),
        )
        for p in record.parameters
    ]
    header = "parameter", "unit", "best", "error", "68 % of draws", "bounds, prior", "remarks"
    return "## Parameters\n\n" + _table(header, rows)


def _span(ends: tuple[float, float], error: float) -> str:
    if not any(np.isfinite(ends)):
        return "-"
    return " to ".join(digits(x, error) if np.isfinite(x) else "none" for x in ends)


def _remarks(p: FittedParameter) -> str:
    found = []
    if p.is_at_bound:
        found.append("at its bound, which is its value")
    if p.is_open:
        found.append("open: see below")
    if np.isfinite(p.r_hat) and p.r_hat > 1.01:
        found.append(f"R-hat {p.r_hat:.3f}")
    return "; ".join(found)


def _starts(record: FitRecord) -> str:
    valid = record.end_columns["is_valid"]
    if not valid.any():
        return ""
    log = np.where(valid, record.end_columns["log_posterior"], -np.inf)
    near = int(np.sum(log > log.max() - _CLOSE))
    converged = int(record.end_columns["is_converged"].sum())
    text = (
        f"## Starts\n\nOf {len(log)} walks {converged} converged, {len(log) - int(valid.sum())} failed and "
        f"{near} ended within 1 of the highest ln posterior."
    )
    if near == 1 and len(log) > 1:
        text += " The best was found once only: there may be a better one; more starts would tell."
    return text


def _open(record: FitRecord) -> str:
    if not record.open_directions:
        return ""
    lines = []
    for size, parts in record.open_directions:
        inside = ", ".join(f"{x:+.2f} `{name}`" for name, x in parts.items())
        ratio = f"{size:.1f} times a quarter of the range" if np.isfinite(size) else "not held at all"
        lines.append(f"- {inside}: {ratio}")
    return (
        "## What the data do not hold\n\nCombinations of parameters, each in units of a quarter of its "
        "range. Along these the posterior is the prior's and the bounds'; single values and errors of the "
        "parameters in them mean little.\n\n" + "\n".join(lines)
    )


def _posterior(record: FitRecord) -> str:
    if record.covariance is None:
        return ""
    text = "## Posterior\n\n"
    if not record.sampler:
        return (
            text
            + "Errors are those of a Gaussian about the best end."
            + "".join(f"\n\n**There are no draws: {fault}**" for fault in record.faults)
        )
    if record.sampler == "gaussian":
        kind = {"hessian": "exact curvature", "fisher": "Fisher matrix, the exact one not being positive"}
        return text + (
            f"A Gaussian about the best end ({kind[record.covariance_kind]}), cut at the bounds. It knows of "
            'no other solution and of no curved degeneracy; posterior.method = "temper" or "nuts" looks '
            "for itself."
        )
    how = f" in {record.n_chains} chains" if record.n_chains else ""
    least = min((p.n_effective for p in record.parameters), default=np.nan)
    text += f"{len(record.draws)} draws by {record.sampler}{how}, at least {least:.0f} effective ones. "
    if not record.faults:
        return text + "Nothing speaks against them."
    return text + "**Not to be trusted yet:**\n\n" + "\n".join(f"- {fault}" for fault in record.faults)


def _provenance(record: FitRecord) -> str:
    rows = [(name, str(value)[:100]) for name, value in record.about.items()]
    rows += [(name, f"{value:.10g}") for name, value in record.statistics.items()]
    return "## Provenance\n\n" + _table(("", ""), rows)
