"""Noise in float64 NumPy and SciPy, from the papers' formulae: no code shared with the package."""

import numpy as np
from scipy.linalg import expm

LONG_CADENCE_DAY = 29.4244 / 1440.0


def oscillator_step(omega, quality, exposure):
    """Transition (3x3) and noise covariance (3x3) of (x, x'/omega, mean of x over the exposure).

    By Van Loan's matrix fraction: the exponential of one block matrix holds both.
    """
    drift = np.array([[0.0, omega, 0.0], [-omega, -omega / quality, 0.0], [1.0 / exposure, 0.0, 0.0]])
    diffusion = np.diag([0.0, 2.0 * omega / quality, 0.0])
    block = np.block([[-drift, diffusion], [np.zeros((3, 3)), drift.T]]) * exposure
    big = expm(block)
    transition = big[3:, 3:].T
    return transition, transition @ big[:3, 3:]


def oscillator_kernel(omega, quality, lag):
    """Autocovariance of the oscillator of unit variance (Foreman-Mackey et al. 2017, Eq. 23)."""
    lag = np.abs(lag)
    eta = np.sqrt(1.0 - 0.25 / quality**2)
    envelope = np.exp(-omega * lag / (2.0 * quality))
    return envelope * (np.cos(eta * omega * lag) + np.sin(eta * omega * lag) / (2.0 * eta * quality))


def averaged_covariance(omega, quality, times, exposure, n=400):
    """Covariance matrix of exposure means, by brute-force midpoints."""
    inside = exposure * ((np.arange(n) + 0.5) / n - 0.5)
    shift = (inside[:, None] - inside[None, :]).ravel()
    lags = times[:, None] - times[None, :]
    return np.array(
        [[np.mean(oscillator_kernel(omega, quality, lag + shift)) for lag in row] for row in lags]
    )


def kallinger_psd(nu_max, nu):
    """One-sided power density of granulation [ppm2/uHz] (Kallinger et al. 2014, Eq. 2, Table 2, model F)."""
    a = 3382.0 * nu_max**-0.609
    return sum(
        2.0 * np.sqrt(2.0) / np.pi * a**2 / b / (1.0 + (nu / b) ** 4)
        for b in (0.317 * nu_max**0.970, 0.948 * nu_max**0.992)
    )


def sampled_psd(psd, nu, exposure_day, cadence_day, n_alias=40):
    """What samples of exposure means show: the power times sinc^2, folded at the Nyquist frequency."""
    exposure, rate = exposure_day * 0.0864, 1.0 / (cadence_day * 0.0864)  # Ms, uHz
    folded = np.abs(nu[:, None] + rate * np.arange(-n_alias, n_alias + 1))
    return np.sum(psd(folded) * np.sinc(folded * exposure) ** 2, axis=1)


def periodogram(flux, cadence_day):
    """One-sided power density [unit2/uHz] of even samples, at the returned frequencies [uHz]."""
    step = cadence_day * 0.0864
    n = flux.shape[-1]
    power = 2.0 * step / n * np.abs(np.fft.rfft(flux)) ** 2
    return np.fft.rfftfreq(n, step)[1:-1], power[..., 1:-1]


def kepler_envelope_ppm(kp):
    """Lower envelope of Kepler's long-cadence noise [ppm] (Jenkins et al. 2010)."""
    c = 3.46 * 10.0 ** (0.4 * (12.0 - kp) + 8.0)
    return 1e6 * np.sqrt(c + 7e6 * max(1.0, kp / 14.0) ** 4) / c


def tess_hour_ppm(tmag):
    """Noise of TESS in an hour [ppm] (Stassun et al. 2018, AJ 156, 102, after Ricker et al. 2015)."""
    coefficients = [
        4.73508403525e-5,
        -0.0022308015894,
        0.0395908321369,
        -0.285041632435,
        0.850021465753,
        3.29685004771,
    ]
    return np.exp(np.polyval(coefficients, tmag))
