import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from dynamojax.observables.noise.oscillators import Oscillators, exposure_step, propagator, sample_oscillators
from tests.oracles import noise as oracle

# (omega [rad/day], quality): granulation of a giant and of the Sun, a mode of the Sun.
CASES = [(3.0, np.sqrt(0.5)), (420.0, np.sqrt(0.5)), (1677.0, 2200.0)]
EXPOSURES = [2e-4, oracle.LONG_CADENCE_DAY]


def one(omega, quality, rms=1.0):
    return Oscillators(jnp.array([rms]), jnp.array([omega]), jnp.array([quality]))


@pytest.mark.parametrize("exposure", EXPOSURES)
@pytest.mark.parametrize(("omega", "quality"), CASES)
def test_step_over_an_exposure_against_the_matrix_exponential(omega, quality, exposure):
    with jax.enable_x64(True):
        step = exposure_step(one(omega, quality), jnp.asarray(exposure))
        f = step.propagator
        transition = np.array([[f.xx, f.xv], [f.vx, f.vv], [step.mean_x, step.mean_v]])[..., 0]
        l_vv, l_xv, l_xx, l_mv, l_mx, l_mm = (float(v[0]) for v in step.lower)
    lower = np.array([[l_xv, l_xx, 0.0], [l_vv, 0.0, 0.0], [l_mv, l_mx, l_mm]])
    want, covariance = oracle.oscillator_step(omega, quality, exposure)
    # Rounding of the 6x6 exponential, which grows as exp(omega exposure / Q) = 2e5 in the widest case.
    np.testing.assert_allclose(transition, want[:, :2], atol=5e-11)
    np.testing.assert_allclose(lower @ lower.T, covariance, atol=5e-11)


@pytest.mark.parametrize("exposure", EXPOSURES)
@pytest.mark.parametrize(("omega", "quality"), CASES)
def test_variance_is_stationary_in_float32(omega, quality, exposure):
    step = exposure_step(one(omega, quality), jnp.asarray(exposure))
    f = np.array(step.propagator)[:, 0].reshape(2, 2).astype(np.float64)
    l_vv, l_xv, l_xx = (float(v[0]) for v in step.lower[:3])
    lower = np.array([[l_xv, l_xx], [l_vv, 0.0]])
    covariance = f @ f.T + lower @ lower.T
    # A dozen roundings of numbers up to 1.
    np.testing.assert_allclose(covariance, np.eye(2), atol=1e-6)


def test_no_exposure_samples_the_process_itself():
    step = exposure_step(one(420.0, np.sqrt(0.5)), jnp.asarray(0.0))
    assert step.mean_x[0] == pytest.approx(1.0, abs=1e-6)
    assert step.mean_v[0] == 0.0
    assert all(v[0] == 0.0 for v in step.lower)


def test_propagator_composes():
    with jax.enable_x64(True):
        terms = one(420.0, 5.0)
        a, b, c = (
            np.array(propagator(terms, jnp.asarray(t)))[:, 0].reshape(2, 2) for t in (0.01, 0.02, 0.03)
        )
    np.testing.assert_allclose(b @ a, c, atol=1e-13)


@pytest.mark.parametrize(("omega", "quality"), [(80.0, np.sqrt(0.5)), (420.0, 30.0)])
def test_covariance_at_irregular_times(omega, quality):
    exposure, n = 0.02, 40_000
    times = np.array([0.0, 0.02, 0.041, 0.07, 0.0902, 0.3, 0.32, 2.0])
    gaps = jnp.asarray(np.r_[0.0, np.diff(times) - exposure].round(9))
    terms = one(omega, quality, rms=2.0)
    keys = jax.random.split(jax.random.key(0), n)
    draw = jax.jit(jax.vmap(lambda k: sample_oscillators(terms, gaps, jnp.asarray(exposure), key=k)))
    samples = np.asarray(draw(keys), dtype=np.float64)
    want = 4.0 * oracle.averaged_covariance(omega, quality, times, exposure)
    # Five standard errors of a sample covariance, sqrt((C_ii C_jj + C_ij^2) / n).
    diagonal = np.diag(want)
    error = np.sqrt((np.outer(diagonal, diagonal) + want**2) / n)
    assert np.all(np.abs(samples.T @ samples / n - want) < 5.0 * error)
    # The exposure takes power away: what is compared is not the process itself.
    assert diagonal.max() < 0.9 * 4.0


def test_samples_do_not_depend_on_later_times():
    terms, key = one(80.0, np.sqrt(0.5)), jax.random.key(1)
    gaps = jnp.full(20, 0.01)
    long = sample_oscillators(terms, gaps, jnp.asarray(0.02), key=key)
    short = sample_oscillators(terms, gaps[:7], jnp.asarray(0.02), key=key)
    np.testing.assert_array_equal(long[:7], short)


@pytest.mark.slow
def test_gradients_of_a_realisation():
    with jax.enable_x64(True):
        gaps, key = jnp.full(12, 0.003), jax.random.key(2)
        wave = jnp.cos(jnp.arange(12.0))

        @jax.jit
        def total(parameters):
            rms, omega, quality, exposure = parameters
            terms = Oscillators(rms[None], omega[None], quality[None])
            return jnp.sum(wave * sample_oscillators(terms, gaps, exposure, key=key))

        # Logarithms, since a step must be small against each of 0.02 and 80.
        at = jnp.log(jnp.array([2.0, 80.0, 3.0, 0.02]))
        check_grads(lambda p: total(jnp.exp(p)), (at,), order=1, modes=["fwd", "rev"], rtol=1e-5, eps=1e-5)
        edge = jax.grad(total)(jnp.array([2.0, 80.0, 3.0, 0.0]))
    assert np.all(np.isfinite(edge))
