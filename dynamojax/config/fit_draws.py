"""Draws of a posterior: of the Gaussian about a fit, or of the chains of a sampler."""

from dataclasses import dataclass

import jax
import numpy as np

from dynamojax.config.fit_stages import Arrays, Stages
from dynamojax.inference.posterior import Laplace
from dynamojax.inference.result import Fit
from dynamojax.inference.sampling import Samples, sample_posterior

_TRIES = 50
_HOW = {
    "importance": "maxima, then weighted draws of all of them",
    "temper": "maxima, then particles from the prior on",
}
_FIELDS = ("values", "diverging", "log_density", "n_gradients")


@dataclass(frozen=True, eq=False)
class Draws:
    """Draws in declared units.

    Attributes:
        names: Of the parameters.
        values: (n_draws, n), all chains one after another.
        sampler: gaussian, nuts, importance or temper.
        r_hat: Of each parameter; NaN without chains or runs.
        n_effective: Of each parameter; NaN without a sampler.
        n_chains: 0 without.
        faults: Why they are not to be trusted; empty if they are, or if nothing is known.
        best: Values of the fit's best end with spots numbered and angles unwound as in the draws; None where
            draws do not renumber them.
    """

    names: tuple[str, ...]
    values: np.ndarray
    sampler: str
    r_hat: np.ndarray
    n_effective: np.ndarray
    n_chains: int = 0
    faults: tuple[str, ...] = ()
    best: np.ndarray | None = None


def gaussian_draws(posterior: Laplace, table: dict, seed: int) -> Draws:
    """Draws of the Gaussian that lie between the bounds.

    What the data do not hold is held by a Gaussian as wide as a quarter of its interval, a little narrower
    than the flat prior; elsewhere that is next to nothing.
    """
    information, parameters = posterior.information, posterior.fit.problem.parameters
    widths = information.widths
    scaled = information.matrix * np.outer(widths, widths)
    held = 0.5 * (scaled + scaled.T) + np.eye(len(widths))
    values, vectors = np.linalg.eigh(held)
    factor = vectors / np.sqrt(np.maximum(values, 1.0)) * widths[:, None]
    active = np.flatnonzero(np.asarray(parameters.is_active))
    units = np.array(parameters.units)[active]
    low, high = (np.asarray(x)[active] / units for x in (parameters.bounds.low, parameters.bounds.high))
    rng, n, found = np.random.default_rng(seed), table["draws"] * table["chains"], []
    for _ in range(_TRIES):
        drawn = posterior.mean + rng.normal(size=(n, len(widths))) @ factor.T
        found.append(drawn[np.all((drawn > low) & (drawn < high), axis=1)])
        if sum(map(len, found)) >= n:
            break
    nothing = np.full(len(widths), np.nan)
    return Draws(posterior.names, np.concatenate(found)[:n], "gaussian", nothing, nothing)


def nuts_draws(fit: Fit, table: dict, stages: Stages, tell, key) -> Draws:
    """Chains one after another, each kept as it ends."""
    names, parts = (), []
    for i in range(table["chains"]):

        def make(i=i) -> Arrays:
            tell(f"chain {i + 1} of {table['chains']}")
            one = sample_posterior(
                fit,
                key=jax.random.fold_in(key, i),
                n_warmup=table["warmup"],
                n_draws=table["draws"],
                n_chains=1,
                target_accept=table["target_accept"],
                max_tree_depth=table["max_tree_depth"],
            )
            return {"names": np.array(one.names)} | {name: getattr(one, name) for name in _FIELDS}

        kept = stages(f"chain_{i:03d}", make)
        names = tuple(map(str, kept["names"]))
        parts.append(kept)
    joined = {name: np.concatenate([part[name] for part in parts]) for name in _FIELDS}
    samples = Samples(names, **joined)
    values = joined["values"].reshape(-1, len(names))
    faults = () if samples.is_trustworthy else _faults(samples)
    return Draws(names, values, "nuts", samples.r_hat, samples.n_effective, table["chains"], faults)


def _faults(samples: Samples) -> tuple[str, ...]:
    """What `Samples.is_trustworthy` asks for and they do not have."""
    worst, least = int(np.argmax(samples.r_hat)), int(np.argmin(samples.n_effective))
    enough = 100 * len(samples.values)
    found = []
    if not samples.r_hat[worst] < 1.01:
        found.append(f"R-hat {samples.r_hat[worst]:.3f} of {samples.names[worst]}, below 1.01 is asked for")
    if not samples.n_effective[least] > enough:
        found.append(
            f"{samples.n_effective[least]:.0f} effective draws of {samples.names[least]}, {enough} are asked "
            "for"
        )
    if samples.n_divergent:
        found.append(f"{samples.n_divergent} divergent draws; raise posterior.target_accept")
    return tuple(found)


def weighted_draws(fit: Fit, method: str, stages: Stages, tell, key) -> Draws:
    """Of all maxima, resampled to equal weights; by importance or temper."""

    def make() -> Arrays:
        tell(f"posterior: {_HOW[method]}")
        found = _sampler(method)(fit, key=key)
        names = found.names
        return {
            "names": np.array(names),
            "values": found.values[0],
            "r_hat": np.full(len(names), np.nan) if found.r_hat is None else found.r_hat,
            "n_effective": found.n_effective,
            "faults": np.array(found.faults, dtype=str),
            "best": found.labelled(fit.values[np.asarray(fit.problem.parameters.is_active)]),
        }

    kept = stages(method, make)
    names, faults = (tuple(map(str, kept[name])) for name in ("names", "faults"))
    known = {name: kept[name] for name in ("r_hat", "n_effective", "best")}
    return Draws(names, kept["values"], method, faults=faults, **known)


def _sampler(method: str):
    if method == "temper":
        from dynamojax.inference.tempering import temper

        return temper
    from dynamojax.inference.importance import importance

    return importance
