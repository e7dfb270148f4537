"""From the outcome of a fit to the record of it that is written."""

import json

import numpy as np

from dynamojax.atmosphere import grid as bands_of_models
from dynamojax.config.build_spectra import grid_file
from dynamojax.config.fit_maps import spot_map
from dynamojax.config.fit_run import Outcome
from dynamojax.files.fit_record import CONVERGED, FAILED, UNFINISHED, FitRecord, FittedData, FittedParameter
from dynamojax.files.writing import provenance
from dynamojax.inference.data import DataSet
from dynamojax.instruments.spectrograph import Spectrograph
from dynamojax.population.manifest import file_digest
from dynamojax.units import SYSTEM_UNITS

_NUISANCE_UNITS = {
    **{"jitter": "median flux", "velocity": "km/s"},
    **{"gp_sigma": "median flux", "gp_rho": "d", "gp_width": "km/s"},
}
_SHARE_OF_OPEN = 0.3  # of a direction, from which on a parameter is called open
_QUANTILES = {"interval_68": (0.16, 0.84), "interval_95": (0.025, 0.975)}


def record_of(outcome: Outcome) -> FitRecord:
    """What is written of a fit."""
    fit, settings = outcome.fit, outcome.settings
    status = FAILED if not fit.is_valid else CONVERGED if fit.is_converged else UNFINISHED
    posterior, draws = outcome.posterior, outcome.draws
    values, turned = _values(outcome)
    return FitRecord(
        name=settings.settings["star"]["name"],
        status=status,
        parameters=_parameters(outcome, values, turned),
        covariance=_covariance(outcome, turned)[0],
        covariance_kind=_covariance(outcome, turned)[1],
        draws=turned,
        sampler="" if draws is None else draws.sampler,
        n_chains=0 if draws is None else draws.n_chains,
        faults=(*filter(None, [outcome.fault]), *(() if draws is None else draws.faults)),
        data={one.name: _data(outcome, one) for one in outcome.posed.prepared.data},
        ends=np.asarray(fit.ends, np.float64),
        end_names=fit.names,
        end_columns={
            "log_posterior": fit.log_posteriors,
            "is_converged": fit.are_converged,
            "is_valid": fit.are_valid,
            "n_steps": fit.n_steps,
        },
        open_directions=() if posterior is None else tuple(posterior.information.open_directions),
        statistics=_statistics(outcome),
        bics=outcome.bics,
        period={} if outcome.period is None else dict(vars(outcome.period)),
        system=_system(outcome) if fit.is_valid else {},
        spot_map=spot_map(outcome) if fit.is_valid else None,
        about=_about(outcome),
        configuration=settings.settings.text,
    )


def unit_of(name: str) -> str:
    """Unit of a free parameter as it is declared."""
    stem = name.partition("[")[0]
    if stem.endswith("_deg"):
        return "deg"
    owner, _, field = stem.rpartition(".")
    unit = SYSTEM_UNITS.get(owner.rpartition(".")[2], _NUISANCE_UNITS).get(field, "")
    return "" if unit == "1" else unit


def _values(outcome: Outcome) -> tuple[np.ndarray, np.ndarray | None]:
    """Best values and draws of the active parameters; longitudes without bounds within half a turn of 0."""
    fit, active = outcome.fit, outcome.active
    values = np.array(fit.values, np.float64)[active]
    draws = None if outcome.draws is None else np.array(outcome.draws.values, np.float64)
    if outcome.draws is not None and outcome.draws.best is not None:
        values = np.array(outcome.draws.best, np.float64)
    parameters = fit.problem.parameters
    for i, j in enumerate(active):
        if parameters.places[j][2] == "lon" and parameters.bounds.kinds[j] == "line" and fit.is_valid:
            turn = 2 * np.pi / parameters.units[j]
            shift = turn * np.round(values[i] / turn)
            values[i] -= shift
            if draws is not None:
                draws[:, i] -= shift
    return values, draws


def _covariance(outcome: Outcome, draws: np.ndarray | None) -> tuple[np.ndarray | None, str]:
    """Of the draws of a sampler, else of the Gaussian, and what it is."""
    if draws is not None and outcome.draws is not None and outcome.draws.sampler != "gaussian":
        return np.atleast_2d(np.cov(draws.T)), "draws"
    if outcome.posterior is None:
        return None, ""
    return outcome.posterior.covariance, outcome.posterior.information.kind


def _parameters(outcome: Outcome, values, draws) -> tuple[FittedParameter, ...]:
    fit, p = outcome.fit, outcome.fit.problem.parameters
    n, known = len(values), outcome.draws
    nothing = np.full((n, 2), np.nan)
    spans = dict.fromkeys(_QUANTILES, nothing)
    if draws is not None and len(draws) > 1:
        spans = {name: np.quantile(draws, shares, axis=0).T for name, shares in _QUANTILES.items()}
    errors = np.full(n, np.nan) if outcome.posterior is None else outcome.posterior.errors
    if draws is not None and known is not None and known.sampler != "gaussian":
        errors = draws.std(axis=0)
    open_ = set() if outcome.posterior is None else _open(outcome.posterior.information)
    diagnostics = nothing if known is None else np.stack([known.r_hat, known.n_effective], axis=1)
    rows = []
    for i, j in enumerate(outcome.active):
        unit, place = p.units[j], fit.names[j]
        rows.append(
            FittedParameter(
                name=place,
                unit=unit_of(place),
                value=float(values[i]),
                error=float(errors[i]),
                interval_68=tuple(map(float, spans["interval_68"][i])),
                interval_95=tuple(map(float, spans["interval_95"][i])),
                start=float(p.start[j]) / unit,
                low=float(p.bounds.low[j]) / unit,
                high=float(p.bounds.high[j]) / unit,
                prior=_prior(p.priors[j]),
                is_at_bound=fit.is_valid and place in fit.at_bounds,
                is_open=place in open_,
                r_hat=float(diagnostics[i][0]),
                n_effective=float(diagnostics[i][1]),
            )
        )
    return tuple(rows)


def _open(information) -> set[str]:
    directions = information.open_directions
    return {n for _, parts in directions for n, x in parts.items() if abs(x) > _SHARE_OF_OPEN}


def _prior(prior) -> str:
    """In words."""
    if prior is None:
        return "flat"
    numbers = ", ".join(f"{name} {float(x):g}" for name, x in vars(prior).items())
    kind = "".join(f" {c.lower()}" if c.isupper() else c for c in type(prior).__name__).strip()
    return f"{kind} ({numbers})" if numbers else kind


def _data(outcome: Outcome, one: DataSet) -> FittedData:
    good, instrument = np.asarray(one.good), one.instrument
    kind, where, arm = "light_curve", instrument.times, np.zeros(good.shape[1], int)
    if isinstance(instrument, Spectrograph):
        kind, where, arm = "spectrum", instrument.wavelength, instrument.arm_of_pixel
    nothing = np.full(good.shape, np.nan)
    model, residual = nothing, np.where(good, np.nan, 0.0)
    if outcome.fit.is_valid:
        fitted = outcome.fit.fitted[one.name]
        model, residual = np.asarray(fitted.model, np.float64), np.asarray(fitted.residual, np.float64)
    return FittedData(
        kind=kind,
        where=np.asarray(where, np.float64),
        values=np.where(good, np.asarray(one.values, np.float64), np.nan),
        errors=np.where(good, np.asarray(one.errors, np.float64), np.nan),
        good=good,
        model=model,
        residual=residual,
        scale=float(one.scale),
        arm=arm,
    )


def _statistics(outcome: Outcome) -> dict[str, float]:
    fit = outcome.fit
    counts = {"n_good": float(fit.n_good), "n_free": float(fit.n_active)}
    if not fit.is_valid:
        return counts
    return counts | {
        "chi2": fit.chi2,
        "log_likelihood": fit.log_likelihood,
        "log_posterior": fit.log_posterior,
        "bic": float(fit.bic),
    }


def _system(outcome: Outcome) -> dict:
    system = outcome.fit.system
    owners = {"star": system.star, "spots": system.spots, "planets": system.planets}
    return {o: {n: np.asarray(x) for n, x in vars(module).items()} for o, module in owners.items()}


def _about(outcome: Outcome) -> dict[str, str | float | int]:
    """Provenance: what computed this from what."""
    settings, prepared = outcome.settings, outcome.posed.prepared
    about: dict[str, str | float | int] = dict(provenance())
    about["dtype"] = str(outcome.fit.problem.parameters.start.dtype)
    about["seed"], about["digest"] = settings["fit"]["seed"], settings.digest
    about["epoch"], about["epoch_reference_bjd"] = prepared.epoch, prepared.reference
    about["method"], about["posterior"] = settings["fit"]["method"], settings["posterior"]["method"]
    simulator = outcome.posed.simulator
    if simulator.schedules:
        about["band_grid"] = file_digest(bands_of_models.EMBEDDED)
    if simulator.recorders:
        attributes = grid_file(settings.settings).attributes
        about["spectral_grid"] = json.dumps(attributes, default=str)
    return about
