import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from dynamojax.instruments import spectrograph_presets as presets
from dynamojax.instruments.line_spread import pixel_operator, resolution_of_bins
from dynamojax.instruments.spectrograph import Arm, Spectrograph
from tests.oracles.line_spread import Waves, deposited, pixels_by_brute_force

FWHM = np.sqrt(8 * np.log(2))


def axis_for(spectrograph, sampling, margin=120):
    """Start, step and number of samples that cover all pixels."""
    step = 1 / sampling
    low, high = spectrograph.ends
    start = np.log(low) - margin * step
    return start, step, int(np.ceil((np.log(high) - start) / step)) + margin


def one_arm(centres, resolution):
    return Spectrograph("x", (Arm.from_centres("a", centres, resolution),), np.zeros(1))


def linear(low=5000.0, high=5040.0, step=0.7, resolution=3000.0):
    return one_arm(np.arange(low, high, step), resolution)


def applied(operator, spectrum):
    """What the operator does, in NumPy, which need not compile for each shape."""
    windows = np.asarray(spectrum)[
        np.asarray(operator.first)[:, None] + np.arange(operator.weights.shape[-1])
    ]
    values = np.einsum("bw,bpw->bp", windows, np.asarray(operator.weights)).reshape(-1)
    starts = np.cumsum([0, *(-(-count // 16) * 16 for count in operator.counts)])
    return np.concatenate([values[i : i + c] for i, c in zip(starts, operator.counts, strict=False)])


@pytest.mark.parametrize("chips", [1, 3])
def test_the_call_is_the_product_with_the_weights(precision, chips):
    spectrograph = presets.apogee().within(15700.0, 15900.0 if chips == 1 else 16600.0)
    start, step, n = axis_for(spectrograph, 70000.0)
    spectrum = jnp.asarray(np.random.default_rng(1).normal(1.0, 0.1, n))
    operator = pixel_operator(spectrograph, start, step, n)
    got = jax.jit(lambda o, s: o(s))(operator, spectrum)
    assert got.dtype == precision and got.shape == (spectrograph.n_pixels,)
    tolerance = 1e-6 if precision == "float32" else 1e-13
    np.testing.assert_allclose(got, applied(operator, spectrum), rtol=tolerance)


# Sigma of the line spread function in samples, and shortest wave in cycles a sample.
@pytest.mark.parametrize(
    "sigma,highest", [(0.8, 0.25), (0.9, 0.25), (1.0, 0.2), (1.3, 0.25), (3.0, 0.25), (8.0, 0.25)]
)
@pytest.mark.parametrize("pixel", [0.3, 2.7])
def test_pixels_are_those_of_brute_force(x64, sigma, highest, pixel):
    resolution = 3000.0
    sampling = sigma * FWHM * resolution
    centres = 5000 * np.exp(np.arange(50) * pixel / (resolution * 2.0))
    spectrograph = one_arm(centres, resolution)
    start, step, n = axis_for(spectrograph, sampling)
    spectrum = Waves(highest)
    expected = pixels_by_brute_force(spectrum, spectrograph.arms[0].edges, resolution, start, step, n)
    # Beyond the ends the blur of `deposited` lacks neighbours; the operator does not reach as far.
    got = applied(pixel_operator(spectrograph, start, step, n), deposited(spectrum(np.arange(n))))
    # Below one sample, aliases of the shortest waves are left.
    np.testing.assert_allclose(got, expected, rtol={0.8: 5e-5, 0.9: 1e-5}.get(sigma, 1e-7))


def test_single_precision_keeps_six_digits():
    spectrograph = presets.lamost().within(5000.0, 6000.0)
    start, step, n = axis_for(spectrograph, 30000.0)
    spectrum = Waves()
    expected = pixels_by_brute_force(spectrum, spectrograph.arms[0].edges, 1800.0, start, step, n)
    got = pixel_operator(spectrograph, start, step, n)(jnp.asarray(deposited(spectrum(np.arange(n)))))
    assert got.dtype == jnp.float32
    np.testing.assert_allclose(got, expected, rtol=2e-6)  # a few roundings of float32


def test_resolution_of_the_spectra_counts_in_quadrature(x64):
    spectrograph, smoothed = linear(), 6000.0
    start, step, n = axis_for(spectrograph, 30000.0)
    spectrum = Waves(0.1)
    sigma = 1 / (smoothed * FWHM * step)

    def at_lower_resolution(x):
        x = np.asarray(x)[..., None]
        damped = np.exp(-0.5 * (2 * np.pi * spectrum.frequency * sigma) ** 2)
        return 1 + spectrum.depth * (
            damped * np.cos(2 * np.pi * spectrum.frequency * x + spectrum.phase)
        ).sum(-1)

    expected = applied(pixel_operator(spectrograph, start, step, n), deposited(spectrum(np.arange(n))))
    operator = pixel_operator(spectrograph, start, step, n, grid_resolution=smoothed)
    got = applied(operator, deposited(at_lower_resolution(np.arange(n))))
    # Smoothing flux rather than energy moves lines by sigma^2, 5e-9 in ln(wavelength), 1e-4 of a sample.
    np.testing.assert_allclose(got, expected, rtol=2e-5)


@pytest.mark.parametrize("sigma,tolerance", [(1.13, 2e-4), (2.0, 2e-5), (4.0, 2e-6)])
def test_bins_count_as_the_gaussian_of_their_width(x64, sigma, tolerance):
    spectrograph = linear()
    start, step, n = axis_for(spectrograph, sigma * FWHM * 3000.0)
    spectrum = Waves(0.15)
    whole = pixels_by_brute_force(spectrum, spectrograph.arms[0].edges, 3000.0, start, step, n)
    x = np.arange(n)[:, None] + np.linspace(-0.5, 0.5, 201)[:-1] + 0.0025
    binned = deposited(spectrum(x).mean(axis=1))
    operator = pixel_operator(spectrograph, start, step, n, grid_resolution=resolution_of_bins(step))
    error = np.max(np.abs(applied(operator, binned) / whole - 1))
    ignored = np.max(np.abs(applied(pixel_operator(spectrograph, start, step, n), binned) / whole - 1))
    # A box is no Gaussian: their fourth moments differ, by 1/120 of a sample^4 in all.
    assert error < tolerance and error < 0.2 * ignored


def test_tabulated_resolution_acts_at_each_pixel(x64):
    centres = np.arange(5000.0, 5100.0, 0.7)
    varying = one_arm(centres, ([4990.0, 5110.0], [2500.0, 4000.0]))
    start, step, n = axis_for(varying, 30000.0)
    spectrum = deposited(Waves()(np.arange(n)))
    got = applied(pixel_operator(varying, start, step, n), spectrum)
    for i in (0, 60, len(centres) - 1):
        constant = one_arm(centres, varying.resolution[i])
        expected = applied(pixel_operator(constant, start, step, n), spectrum)
        np.testing.assert_allclose(got[i], expected[i], rtol=1e-8)
        assert np.max(np.abs(got / expected - 1)) > 1e-4


@pytest.mark.parametrize("preset", [presets.lamost_mrs, presets.apogee, presets.gaia_rvs, presets.galah])
def test_presets_keep_a_flat_spectrum_flat(preset):
    spectrograph = preset()
    start, step, n = axis_for(spectrograph, 75000.0)
    operator = pixel_operator(spectrograph, start, step, n)
    flat = applied(operator, np.full(n, 3e6))
    assert flat.shape == (spectrograph.n_pixels,)
    np.testing.assert_allclose(flat, 3e6, rtol=1e-6)


def test_a_line_appears_where_and_as_wide_as_it_should(x64):
    spectrograph = presets.apogee().within(15900.0, 16000.0)
    start, step, n = axis_for(spectrograph, 150000.0)
    line = np.zeros(n)
    k = n // 2
    line[k] = 1.0
    got = applied(pixel_operator(spectrograph, start, step, n), deposited(line))
    offset = np.log(spectrograph.wavelength) - (start + k * step)
    weight = got * np.log(spectrograph.arms[0].edges[1:] / spectrograph.arms[0].edges[:-1])
    centre = np.sum(weight * offset) / weight.sum()
    spread = np.sqrt(np.sum(weight * (offset - centre) ** 2) / weight.sum())
    pixel = 6e-6 * np.log(10)
    # The samples' interpolation is band-limited, hence adds no width; the pixel's box adds 1/12, and the
    # label of a pixel against its mean another 1/12.
    expected = np.hypot(1 / (22500 * FWHM), pixel / np.sqrt(12.0))
    assert abs(centre) < 1e-3 * pixel
    assert spread == pytest.approx(expected, rel=5e-3)


def test_transpose_and_gradients(x64):
    spectrograph = linear()
    start, step, n = axis_for(spectrograph, 30000.0)
    operator = pixel_operator(spectrograph, start, step, n)
    rng = np.random.default_rng(0)
    x, y = jnp.asarray(rng.normal(size=n)), jnp.asarray(rng.normal(size=spectrograph.n_pixels))
    (back,) = jax.linear_transpose(operator, x)(y)
    np.testing.assert_allclose(jnp.vdot(y, operator(x)), jnp.vdot(back, x), rtol=1e-12)
    check_grads(lambda s: jnp.sum(operator(jnp.asarray(s)) ** 2), (x,), order=1, modes=("fwd", "rev"))


def test_a_batch_is_each_spectrum_alone():
    spectrograph = presets.apogee()
    start, step, n = axis_for(spectrograph, 60000.0)
    spectra = jnp.asarray(np.random.default_rng(2).normal(1.0, 0.1, (3, n)), dtype=jnp.float32)
    operator = pixel_operator(spectrograph, start, step, n)
    together = jax.jit(jax.vmap(operator))(spectra)
    for i, arm in enumerate(spectrograph.arms):
        alone = pixel_operator(Spectrograph("x", (arm,), np.zeros(1)), start, step, n)
        here = spectrograph.arm_of_pixel == i
        np.testing.assert_allclose(together[1, here], applied(alone, spectra[1]), rtol=1e-5)


def test_windows_at_the_very_end_of_the_axis(x64):
    spectrograph = linear()
    start, step, n = axis_for(spectrograph, 30000.0)
    spectrum = Waves()(np.arange(n))
    whole = applied(pixel_operator(spectrograph, start, step, n), spectrum)
    reach = 40  # samples: six sigmas of 4.2 and the filter's tail
    trimmed = pixel_operator(spectrograph, start + (120 - reach) * step, step, n - 240 + 2 * reach)
    np.testing.assert_allclose(applied(trimmed, spectrum[120 - reach : n - 120 + reach]), whole, rtol=1e-9)


def test_flux_is_that_of_spectres(x64):
    spectres = pytest.importorskip("spectres")
    fine = linear(5000.0, 5100.0, 0.02)
    coarse = np.arange(5003.0, 5097.0, 0.9)
    start, step, n = axis_for(fine, 30000.0)
    spectrum = deposited(Waves()(np.arange(n)))
    on_fine = applied(pixel_operator(fine, start, step, n), spectrum)
    arm = one_arm(coarse, 3000.0)
    got = applied(pixel_operator(arm, start, step, n), spectrum)
    resampled = spectres.spectres(coarse, fine.wavelength, on_fine)
    # spectres takes the flux as constant over a fine pixel that it cuts, at the ends of a coarse one.
    np.testing.assert_allclose(got, resampled, rtol=1e-4)
    widths = np.diff(arm.arms[0].edges)
    np.testing.assert_allclose(np.sum(got * widths), np.sum(resampled * widths), rtol=1e-6)


@pytest.mark.parametrize("grid_resolution", [np.inf, 5000.0])
def test_a_coarse_grid_is_an_error_with_the_sampling_needed(grid_resolution):
    spectrograph = linear(resolution=3000.0)
    start, step, n = axis_for(spectrograph, 5000.0)
    with pytest.raises(ValueError, match="samples per e-fold") as error:
        pixel_operator(spectrograph, start, step, n, grid_resolution=grid_resolution)
    needed = int(str(error.value).split("at least ")[1].split()[0])
    start, step, n = axis_for(spectrograph, needed)
    pixel_operator(spectrograph, start, step, n, grid_resolution=grid_resolution)
    with pytest.raises(ValueError, match="resolution up to 3000"):
        pixel_operator(spectrograph, *axis_for(spectrograph, 50000.0), grid_resolution=2000.0)


@pytest.mark.parametrize("margin", [0, 50])
def test_pixels_beyond_the_grid_are_an_error_with_those_that_fit(margin):
    spectrograph = presets.lamost()
    step = 1 / 20000.0
    axis = (np.log(4000.0), step, int(np.log(8000 / 4000) / step))
    with pytest.raises(ValueError, match=r"spectrograph.within\(") as error:
        pixel_operator(spectrograph, *axis, margin=margin)
    low, high = (float(x) for x in str(error.value).split("within(")[1].strip(")").split(","))
    assert 4000 < low < 4100 and 7900 < high < 8000
    fitting = spectrograph.within(low + 0.01, high - 0.01)
    assert pixel_operator(fitting, *axis, margin=margin).counts == (fitting.n_pixels,)
