import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from dynamojax.instruments.line_spread import pixel_operator
from dynamojax.instruments.spectrograph_presets import gaia_rvs
from dynamojax.observables.rotation_kernels import broadened, broadened_disc
from dynamojax.splines import interpolation_filter
from tests.oracles.line_spread import Waves, pixels_by_brute_force
from tests.oracles.rotation import C, by_disc, by_gray, gray_profile

STEP = 1 / 100000.0  # 3 km/s a sample
N = 400
MIDDLE = np.arange(150, 250)  # out of reach of the ends at 150 km/s
SHORTEST = 0.1  # cycles a sample: splines keep such waves to 2 (f / (1 - f))^6 = 4e-6 of their depth


def samples_of(deposited):
    return np.convolve(np.asarray(deposited), interpolation_filter(40), mode="same")


# Compiled once for all cases.
fast = jax.jit(broadened, static_argnums=1)


def turned(spectrum, vsini, u1=0.0, u2=0.0, **more):
    numbers = (jnp.asarray(float(x)) for x in (vsini, u1, u2))
    return samples_of(fast(jnp.asarray(spectrum(np.arange(N))), STEP, *numbers, **more))


@pytest.mark.parametrize("vsini", [0.0, 0.3, 2.0, 10.0, 40.0, 100.0])
@pytest.mark.parametrize("epsilon", [0.0, 0.6, 1.0])
def test_linear_law_is_grays_profile(x64, vsini, epsilon):
    spectrum = Waves(SHORTEST)
    expected = by_gray(spectrum, MIDDLE, STEP, vsini, epsilon)
    np.testing.assert_allclose(turned(spectrum, vsini, epsilon)[MIDDLE], expected, rtol=1e-6)


@pytest.mark.parametrize("vsini", [5.0, 60.0])
@pytest.mark.parametrize("u", [(0.0, 0.0), (0.4, 0.3), (0.2, -0.1)])
def test_quadratic_law_is_the_disc(x64, vsini, u):
    spectrum, some = Waves(SHORTEST), MIDDLE[::10]
    expected = by_disc(spectrum, some, STEP, vsini, lambda mu: 1 - u[0] * (1 - mu) - u[1] * (1 - mu) ** 2)
    expected /= 1 - u[0] / 3 - u[1] / 6
    np.testing.assert_allclose(turned(spectrum, vsini, *u)[some], expected, rtol=1e-6)


def test_each_power_of_mu_has_its_own_spectrum(x64):
    rows = [Waves(SHORTEST, seed=k) for k in range(5)]
    values = jnp.asarray([row(np.arange(N)) for row in rows])
    got = samples_of(broadened_disc(values, STEP, jnp.asarray(30.0)))
    some = MIDDLE[::10]
    expected = np.pi * sum(
        by_disc(row, some, STEP, 30.0, lambda mu, k=k: mu**k) for k, row in enumerate(rows)
    )
    np.testing.assert_allclose(got[some], expected, rtol=1e-6)


def test_without_rotation_the_samples_are_the_spectrum(x64):
    noise = np.random.default_rng(0).normal(1.0, 0.3, N)  # waves of all lengths
    zero = jnp.asarray(0.0)
    got = samples_of(fast(jnp.asarray(noise), STEP, zero, zero, zero))
    np.testing.assert_allclose(got[60:-60], noise[60:-60], rtol=1e-10)


def test_velocity_moves_redwards_and_a_gaussian_widens(x64):
    spectrum = Waves(SHORTEST)
    got = turned(spectrum, 0.0, velocity=40.0)
    moved = spectrum(MIDDLE - np.arctanh(40.0 / C) / STEP)
    np.testing.assert_allclose(got[MIDDLE], moved, rtol=1e-6)
    got = turned(spectrum, 0.0, sigma=9.0)
    sigma = 9.0 / C / STEP
    x = np.linspace(-8, 8, 401)
    weight = np.exp(-0.5 * x**2)
    expected = spectrum(MIDDLE[:, None] - sigma * x) @ (weight / weight.sum())
    np.testing.assert_allclose(got[MIDDLE], expected, rtol=1e-6)


def test_single_precision(x64):
    exact = turned(Waves(SHORTEST), 70.0, 0.5, 0.2)
    with jax.enable_x64(False):
        got = turned(Waves(SHORTEST), 70.0, 0.5, 0.2)
    np.testing.assert_allclose(got[MIDDLE], exact[MIDDLE], rtol=1e-6)


def test_pyastronomy_agrees(x64):
    pyasl = pytest.importorskip("PyAstronomy.pyasl")
    wavelength = np.arange(4990.0, 5010.0, 0.01)
    step = 2e-6
    n = int(np.log(5010.0 / 4990.0) / step)
    axis = 4990.0 * np.exp(step * np.arange(n))

    def line(w):
        return 1 - 0.7 * np.exp(-0.5 * ((w - 5000.0) / 0.06) ** 2)

    for vsini, epsilon in ((10.0, 0.6), (80.0, 0.2)):
        theirs = pyasl.rotBroad(wavelength, line(wavelength), epsilon, vsini)
        numbers = (jnp.asarray(x) for x in (vsini, epsilon, 0.0))
        ours = samples_of(fast(jnp.asarray(line(axis)), step, *numbers))
        inner = (wavelength > 4995.0) & (wavelength < 5005.0)
        got = np.interp(wavelength[inner], axis, ours)
        # rotBroad samples its kernel at the pixels and keeps wavelength, not its logarithm.
        np.testing.assert_allclose(got, theirs[inner], atol=1e-3 * (1 - theirs[inner].min()))


def test_gradients(x64):
    spectrum = jnp.asarray(Waves(SHORTEST)(np.arange(N)))
    weight = jnp.asarray(np.random.default_rng(3).normal(size=N))

    @jax.jit
    def value(vsini, u1, u2, velocity, sigma):
        return jnp.vdot(weight, broadened(spectrum, STEP, vsini, u1, u2, velocity, sigma))

    at = tuple(jnp.asarray(x) for x in (12.0, 0.4, 0.2, 3.0, 2.0))
    check_grads(lambda *a: value(*map(jnp.asarray, a)), at, order=1, modes=("fwd", "rev"), rtol=1e-5)


@pytest.mark.parametrize("vsini", [0.0, 1e-6, 1.0])
def test_gradients_are_finite_without_rotation(x64, vsini):
    spectrum = jnp.asarray(Waves(SHORTEST)(np.arange(N)))
    half = jnp.asarray(0.5)
    one = jnp.ones(())
    _, slope = jax.jvp(lambda v: fast(spectrum, STEP, v, half, half), (jnp.asarray(vsini),), (one,))
    assert np.isfinite(slope).all()
    # Even in vsini: the slope goes as vsini.
    assert np.max(np.abs(slope)) <= 1e-2 * vsini + 1e-12
    curvature = jax.grad(jax.grad(lambda v: fast(spectrum, STEP, v, half, half)[200]))(jnp.asarray(0.0))
    assert np.isfinite(curvature) and curvature != 0


def test_beyond_its_range_it_says_so_and_in_a_batch_alone():
    spectrum = jnp.asarray(Waves(SHORTEST)(np.arange(N)), dtype=jnp.float32)
    speeds = jnp.asarray([5.0, 100.0, 151.0])
    half = jnp.asarray(0.5)
    batch = jax.jit(jax.vmap(lambda v: broadened(spectrum, STEP, v, half, half)))(speeds)
    assert batch.dtype == jnp.float32
    assert np.isfinite(batch[:2]).all() and np.isnan(batch[2]).all()
    np.testing.assert_allclose(batch[1], fast(spectrum, STEP, speeds[1], half, half), rtol=2e-6)


def test_a_turning_star_on_the_pixels_of_an_instrument(x64):
    resolution, vsini, epsilon = 11500.0, 25.0, 0.6
    spectrograph = gaia_rvs().within(8560.0, 8580.0)
    n, start = 700, np.log(8560.0) - 220 * STEP
    spectrum = Waves(SHORTEST)
    # A wave keeps its place and loses the transform of Gray's profile in depth.
    angle = (np.arange(4001) + 0.5) / 4001 * np.pi - np.pi / 2
    x, weight = np.sin(angle), np.cos(angle) * np.pi / 4001
    shift = np.arctanh(x * vsini / C) / STEP
    left = (weight * gray_profile(x, epsilon)) @ np.cos(2 * np.pi * shift[:, None] * spectrum.frequency)

    def turned_waves(at):
        waves = np.cos(2 * np.pi * spectrum.frequency * np.asarray(at)[..., None] + spectrum.phase)
        return 1 + spectrum.depth * (left * waves).sum(-1)

    edges = spectrograph.arms[0].edges
    expected = pixels_by_brute_force(turned_waves, edges, resolution, start, STEP, n)
    numbers = (jnp.asarray(v) for v in (vsini, epsilon, 0.0))
    deposited = fast(jnp.asarray(spectrum(np.arange(n))), STEP, *numbers)
    got = pixel_operator(spectrograph, start, STEP, n)(deposited)
    np.testing.assert_allclose(got, expected, rtol=1e-7)
