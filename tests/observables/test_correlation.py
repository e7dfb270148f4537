"""Correlation with masks: oracle, known velocities, missing pixels, edges of arms, gradients, peers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

import dynamojax as dj
from dynamojax.instruments.line_masks import LineMask
from dynamojax.observables.correlation import correlator
from dynamojax.observables.line_shape import line_shape
from tests.observables.lines import C_KM_S, lines, spectrograph, spectrum
from tests.oracles import correlation as oracle

VELOCITIES = np.arange(-20, 20.1, 0.5)


@pytest.mark.parametrize("even", [True, False])
def test_against_holes_cut_one_by_one(x64, even):
    """Same sums in another order: rounding of wavelengths over widths of pixels."""
    instrument, mask = spectrograph((5000, 5020), even=even), lines(4999, 5022, 12)
    flux = np.random.default_rng(1).uniform(0.5, 1.5, instrument.n_pixels)
    found = correlator(instrument, mask, VELOCITIES, width=1.3)(jnp.asarray(flux))
    args = instrument.arms[0].edges, flux, mask.wavelength, mask.weight, VELOCITIES, 1.3
    np.testing.assert_allclose(found.arms[0], oracle.mask_correlation(*args), rtol=1e-10)


def test_arms_and_their_sum(x64):
    """Each arm as if alone; together, all lines weighted alike."""
    spans, mask = [(5000, 5050), (5040, 5100)], lines(4990, 5110, 60)
    both = spectrograph(*spans)
    flux = spectrum(both, mask, 3.0, continuum=lambda w: 1 + 0.01 * (w - 5000))
    found = correlator(both, mask, VELOCITIES)(jnp.asarray(flux))
    ends = np.cumsum([0] + [arm.n_pixels for arm in both.arms])
    for i, span in enumerate(spans):
        alone = correlator(spectrograph(span), mask, VELOCITIES)(jnp.asarray(flux[ends[i] : ends[i + 1]]))
        np.testing.assert_allclose(found.arms[i], alone.total, rtol=1e-12)
        np.testing.assert_allclose(found.weight[i], alone.weight[0], rtol=1e-12)
    np.testing.assert_allclose(found.total, np.average(found.arms, axis=0, weights=found.weight), rtol=1e-12)


def test_a_flat_spectrum_stays_flat_and_windows_at_the_ends_are_right(precision):
    instrument = spectrograph((5000, 5010))
    edge = instrument.arms[0].edges
    last = edge[-1] * np.exp(-21 / C_KM_S)  # its hole comes to the last pixel
    mask = LineMask.from_lines("edges", [edge[0] * np.exp(21 / C_KM_S), 5004.0, last])
    correlate = correlator(instrument, mask, VELOCITIES)
    found = correlate(jnp.full(instrument.n_pixels, 2.5))
    assert correlate.n_lines == (3,)
    np.testing.assert_allclose(found.total, 2.5, rtol=1e-6)
    ramp = correlate(jnp.asarray(np.arange(instrument.n_pixels, dtype=float)))
    assert np.all(np.diff(ramp.total) > 0)


@pytest.mark.parametrize("velocity", [-7.3, 0.0, 12.345])
def test_the_sign_and_the_size_of_a_velocity(x64, velocity):
    """Lines of sigma 3 km/s on pixels of 1 km/s: 2 m/s where lines and pixels beat, 60 lines."""
    instrument, mask = spectrograph((5000, 5100)), lines(4995, 5105, 60)
    found = correlator(instrument, mask, VELOCITIES)(jnp.asarray(spectrum(instrument, mask, velocity)))
    shape = line_shape(found.velocity, found.total)
    assert abs(float(shape.velocity) - velocity) < 2e-3
    # Variances of the line, of its pixel as the detector's, of the pixel as flat, and of the hole add up.
    assert float(shape.fwhm) == pytest.approx(2.3548 * np.sqrt(9 + 3 / 12), rel=1e-3)


def test_shifts_are_relativistic(x64):
    """At 3000 km/s, 1 + v / c would be wrong by 15 km/s."""
    instrument, mask = spectrograph((5000, 5100)), lines(4940, 5060, 60)
    flux = jnp.asarray(spectrum(instrument, mask, 3000.0))
    found = correlator(instrument, mask, np.arange(2980, 3020.1, 0.5))(flux)
    assert abs(float(line_shape(found.velocity, found.total).velocity) - 3000) < 2e-3


def test_bad_pixels_take_their_lines_with_them(x64):
    instrument, mask = spectrograph((5000, 5100)), lines(4995, 5105, 60)
    flux = spectrum(instrument, mask, 1.5)
    correlate = correlator(instrument, mask, VELOCITIES)
    bad = list(np.searchsorted(instrument.wavelength, mask.wavelength[[10, 40]]))
    ln, centres = np.log(mask.wavelength), np.log(instrument.wavelength[bad])
    # 20 km/s of shift and half a hole beside half a pixel
    touched = np.abs(ln[:, None] - centres).min(axis=1) < 21.0 / C_KM_S
    assert 2 <= touched.sum() <= 4
    rest = LineMask("rest", mask.wavelength[~touched], mask.weight[~touched])
    expected = correlator(instrument, rest, VELOCITIES)(jnp.asarray(flux)).total
    good = np.ones(flux.shape, bool)
    good[bad] = False
    flux[bad] = -1e9
    np.testing.assert_allclose(correlate(jnp.asarray(flux), jnp.asarray(good)).total, expected, rtol=1e-13)
    flux[bad] = np.nan
    found = jax.jit(lambda c, f: c(f))(correlate, jnp.asarray(flux))
    np.testing.assert_allclose(found.total, expected, rtol=1e-13)
    slope = jax.grad(lambda f: line_shape(correlate.velocity, correlate(f).total).velocity)(jnp.asarray(flux))
    assert np.all(np.isfinite(slope)) and not np.any(slope[np.array(bad)]) and np.any(slope)


def test_an_arm_that_loses_its_lines_is_not_valid_and_the_others_go_on(precision):
    both, mask = spectrograph((5000, 5050), (5060, 5100)), lines(4990, 5110, 60)
    flux = spectrum(both, mask, 3.0)
    flux[: both.arms[0].n_pixels : 10] = np.nan
    correlate = correlator(both, mask, VELOCITIES)
    found = correlate(jnp.asarray(flux))
    assert found.valid.tolist() == [False, True]
    assert np.all(np.isnan(found.arms[0])) and np.all(np.isfinite(found.arms[1]))
    np.testing.assert_allclose(found.total, found.arms[1], rtol=1e-6)
    lost = correlate(jnp.full(both.n_pixels, jnp.nan))
    assert not np.any(lost.valid) and np.all(np.isnan(lost.total))
    assert not bool(line_shape(lost.velocity, lost.total).valid)


def test_what_is_refused():
    instrument, mask = spectrograph((5000, 5050), (6000, 6050)), lines(4990, 5110, 60)
    with pytest.raises(ValueError, match="mask lines has no line .* stay within 7000.0 to 7050.0"):
        correlator(spectrograph((7000, 7050)), mask, VELOCITIES)
    with pytest.raises(ValueError, match=r"min_lines = 3: arm2 \(6000.0 to 6050.0 A\) 0; leave those arms"):
        correlator(instrument, mask, VELOCITIES)
    found = correlator(instrument, mask, VELOCITIES, min_lines=0)(jnp.ones(instrument.n_pixels))
    assert found.valid.tolist() == [True, False]
    for velocities in (VELOCITIES[::-1], VELOCITIES[:5], np.array([VELOCITIES]), VELOCITIES * np.nan):
        with pytest.raises(ValueError, match="8 or more rising numbers"):
            correlator(instrument, mask, velocities)
    with pytest.raises(ValueError, match="less than light's"):
        correlator(instrument, mask, VELOCITIES * 2e4)
    with pytest.raises(ValueError, match="width = -1"):
        correlator(instrument, mask, VELOCITIES, width=-1)
    with pytest.raises(ValueError, match="min_lines = -1"):
        correlator(instrument, mask, VELOCITIES, min_lines=-1)
    with pytest.raises(ValueError, match=r"flux has shape \(7,\), .* is expected"):
        correlator(instrument, mask, VELOCITIES, min_lines=0)(jnp.ones(7))


def test_batches_precision_and_traces():
    """Float32 to 2e-6 of the profile, star by star or together, one trace."""
    instrument, mask = spectrograph((5000, 5100)), lines(4995, 5105, 60)
    fluxes = np.stack([spectrum(instrument, mask, v) for v in (-3.0, 0.0, 4.0)])
    correlate = correlator(instrument, mask, VELOCITIES)
    n_traces = []

    @jax.jit
    def measured(flux):
        n_traces.append(1)
        return jax.vmap(correlate)(flux).total

    together = measured(jnp.asarray(fluxes, jnp.float32))
    measured(2 * jnp.asarray(fluxes, jnp.float32))
    assert together.dtype == jnp.float32 and len(n_traces) == 1
    with jax.enable_x64(True):
        exact = correlator(instrument, mask, VELOCITIES)
        for one, flux in zip(together, fluxes, strict=True):
            np.testing.assert_allclose(one, exact(jnp.asarray(flux)).total, rtol=2e-6)


def test_gradients(x64):
    instrument, mask = spectrograph((5000, 5010)), lines(4998, 5012, 8)
    correlate = dj.correlator(instrument, mask, VELOCITIES)
    flux = jnp.asarray(spectrum(instrument, mask))
    check_grads(lambda f: correlate(jnp.asarray(f)).total ** 2, (flux,), order=1, modes=("fwd", "rev"))


def test_against_iccf(x64):
    """The port of ESPRESSO's pipeline in iccf, one order, pixels of the same width: 3e-5 of the continuum.

    It shifts by 1 + v / c, weighs by contrast squared and adds pixels whole: its sum has to be divided by the
    number of pixels in a hole.
    """
    meta = pytest.importorskip("iCCF.meta", exc_type=ImportError)
    instrument, mask = spectrograph((5000, 5060)), lines(5005, 5055, 20)
    flux, width = spectrum(instrument, mask, 2.0), 0.7
    table = np.zeros(mask.n_lines, dtype=[("lambda", float), ("contrast", float)])
    table["lambda"], table["contrast"] = mask.wavelength, np.sqrt(mask.weight)
    arm, ones = instrument.arms[0], np.ones_like(flux)
    pixel = np.diff(arm.edges)
    middle = 0.5 * (arm.edges[1:] + arm.edges[:-1])
    given = middle, pixel, flux, 0.01 * ones, ones, 0 * ones, VELOCITIES, table, 0.0, 0.0, width
    theirs = meta.espdr_compute_CCF_fast(*given)[0] / mask.weight.sum() / width
    ours = correlator(instrument, mask, VELOCITIES, width=width)(jnp.asarray(flux)).total
    np.testing.assert_allclose(ours, theirs, atol=3e-5)
