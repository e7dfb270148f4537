"""All that is written of a fit, on the host in float64, free of the objects it came from."""

from dataclasses import dataclass, field

import numpy as np

CONVERGED, UNFINISHED, FAILED = "converged", "not converged", "failed"


@dataclass(frozen=True)
class FittedParameter:
    """One free parameter, in its declared unit.

    Attributes:
        name: As in the configuration.
        unit: Empty for pure numbers.
        value: Of the best end; NaN if the fit failed.
        error: Standard deviation of the posterior; infinite if the data do not hold it, NaN if not known.
        interval_68: Of the draws, central.
        interval_95: Of the draws, central.
        start: Where it began.
        low: Lower bound.
        high: Upper bound.
        prior: In words.
        is_at_bound: Whether it ran against a bound, whose value it then has.
        is_open: Whether it takes part in a direction that the data do not hold.
        r_hat: Of the chains; NaN without.
        n_effective: Of the chains; NaN without.
    """

    name: str
    unit: str
    value: float
    error: float
    interval_68: tuple[float, float]
    interval_95: tuple[float, float]
    start: float
    low: float
    high: float
    prior: str
    is_at_bound: bool
    is_open: bool
    r_hat: float = float("nan")
    n_effective: float = float("nan")


@dataclass(frozen=True, eq=False)
class FittedData:
    """One data set beside its model; a row for each band or epoch.

    Attributes:
        kind: light_curve or spectrum.
        where: Times from the epoch [day], or vacuum wavelengths [angstrom].
        values: NaN where not used. [median flux]
        errors: As stated, without jitter. [median flux]
        good: What was used.
        model: With level, trend and continuum; NaN if the fit failed. [median flux]
        residual: Whitened, 0 where not good. [1]
        scale: The median flux. [unit of the data]
        arm: Number of the arm of each pixel; zeros for a light curve.
    """

    kind: str
    where: np.ndarray
    values: np.ndarray
    errors: np.ndarray
    good: np.ndarray
    model: np.ndarray
    residual: np.ndarray
    scale: float
    arm: np.ndarray

    @property
    def n_good(self) -> int:
        """Points that were used."""
        return int(self.good.sum())

    @property
    def chi2(self) -> float:
        """Sum of the squares of whitened residuals."""
        return float(np.sum(self.residual**2))

    @property
    def rms(self) -> float:
        """Of data less model. [median flux]"""
        return float(np.sqrt(np.mean((self.values - self.model)[self.good] ** 2)))

    @property
    def typical_error(self) -> float:
        """Median of the stated errors. [median flux]"""
        return float(np.median(self.errors[self.good]))


@dataclass(frozen=True, eq=False)
class SpotMapPosterior:
    """Mean and standard deviation of the share of light that spots take, over draws of the posterior.

    Attributes:
        lon_deg: From the central meridian at the epoch. [deg]
        lat_deg: [deg]
        mean: (n_lat, n_lon). [1]
        deviation: (n_lat, n_lon). [1]
        phases: Of the discs, in turns since the epoch.
        disc_mean: (n_phases, n_pixels, n_pixels), y upwards; NaN off the disc. [1]
        disc_deviation: Likewise. [1]
        n_draws: Of the posterior; 1 is the best end alone.
        band: In which light is counted.
        inc_deg: Of the best end. [deg]
    """

    lon_deg: np.ndarray
    lat_deg: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    phases: np.ndarray
    disc_mean: np.ndarray
    disc_deviation: np.ndarray
    n_draws: int
    band: str
    inc_deg: float


@dataclass(frozen=True, eq=False)
class FitRecord:
    """A fit and its posterior.

    Attributes:
        name: Of the star.
        status: converged, not converged or failed.
        parameters: Free ones that were not held empty.
        covariance: Of a sampler's draws or the Gaussian, NaN where the data hold too little; None without.
        covariance_kind: draws, hessian, or fisher where the exact curvature was not positive.
        draws: Of the posterior, (n_draws, n); None without.
        sampler: That made them: gaussian, nuts, importance or temper; empty without.
        n_chains: Of nuts; 0 for the others.
        faults: Why the draws are not to be trusted; empty if they are, and for a Gaussian.
        data: By name.
        ends: Of every start, (n_starts, n_all), with what is known of each in `end_columns`.
        end_names: Of all free parameters, those held too.
        end_columns: log_posterior, is_converged, is_valid, n_steps of each start.
        open_directions: Error over range, and parts by name, of what the data do not hold.
        statistics: chi2, n_good, n_free, log_likelihood, bic.
        bics: Of 0, 1, ... spots where they were added one by one.
        period: What the search found, by name; empty without.
        system: Star, spots and planets of the best end: leaves by owner and name, canonical units.
        spot_map: None without spots or light curves, or if the fit failed.
        about: Version, device, precision, seed, grid, epoch.
        configuration: The file.
    """

    name: str
    status: str
    parameters: tuple[FittedParameter, ...]
    covariance: np.ndarray | None
    covariance_kind: str
    draws: np.ndarray | None
    sampler: str
    n_chains: int
    faults: tuple[str, ...]
    data: dict[str, FittedData]
    ends: np.ndarray
    end_names: tuple[str, ...]
    end_columns: dict[str, np.ndarray]
    open_directions: tuple[tuple[float, dict[str, float]], ...]
    statistics: dict[str, float]
    bics: tuple[float, ...]
    period: dict[str, float]
    system: dict[str, dict[str, np.ndarray]]
    spot_map: SpotMapPosterior | None
    about: dict[str, str | float | int]
    configuration: str = field(repr=False)

    @property
    def names(self) -> list[str]:
        """Of the parameters."""
        return [p.name for p in self.parameters]
