"""Matching with templates: known velocities, colours, missing pixels, errors against many draws, faults."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

import dynamojax as dj
from dynamojax.observables.template import template_correlator
from tests.observables.lines import lines, spectrograph, spectrum

VELOCITIES = np.arange(-15, 15.1, 0.25)
SPAN = (5000, 5100)


def case(velocity, *spans, even=True, **kwargs):
    instrument = spectrograph(*(spans or [SPAN]), even=even)
    mask = lines(4990, 5110, 60)
    flux, template = (spectrum(instrument, mask, v, **k) for v, k in ((velocity, kwargs), (0.0, {})))
    return instrument, jnp.asarray(flux), jnp.asarray(template)


@pytest.mark.parametrize("even", [True, False])
@pytest.mark.parametrize("velocity", [-4.321, 0.0, 6.5])
def test_velocity_of_a_shifted_spectrum(x64, velocity, even):
    """The spline is exact to 1e-5 for sigma = 3 pixels: what is left is below 0.05 m/s."""
    instrument, flux, template = case(velocity, even=even)
    match = template_correlator(instrument, VELOCITIES)(flux, template)
    assert abs(float(match.best[0]) - velocity) < 5e-5
    assert float(jnp.min(match.total)) < 5e-3 and float(jnp.max(match.total)) > 1.5  # lines where none are


def test_a_shift_by_whole_velocities_fits_to_the_spline(x64):
    instrument, flux, template = case(4.0)
    match = template_correlator(instrument, VELOCITIES)(flux, template)
    assert float(VELOCITIES[jnp.argmin(match.total)]) == 4.0
    assert float(jnp.min(match.total)) < 1e-9


def test_colour_and_scale_do_not_matter(x64):
    """The polynomial takes up a continuum of the third degree."""
    instrument, flux, template = case(2.0)
    x = (jnp.asarray(instrument.wavelength) - 5050) / 50
    coloured = 3e-14 * flux * (1 + 0.3 * x - 0.2 * x**2 + 0.1 * x**3)
    match = template_correlator(instrument, VELOCITIES)(coloured, 7e6 * template)
    assert abs(float(match.best[0]) - 2.0) < 5e-4
    stiff = template_correlator(instrument, VELOCITIES, degree=0)(coloured, template)
    assert float(jnp.min(stiff.total)) > 0.3


def test_the_dip_is_a_line_for_line_shape(x64):
    instrument, flux, template = case(3.0)
    match = template_correlator(instrument, VELOCITIES)(flux, template)
    shape = dj.line_shape(match.velocity, match.total)
    assert bool(shape.valid) and abs(float(shape.velocity) - 3.0) < 0.05


def test_arms_count_by_their_weights_and_bad_pixels_not(x64):
    instrument, flux, template = case(1.0, (5000, 5050), (5052, 5100))
    n = instrument.arms[0].n_pixels
    other = jnp.asarray(spectrum(instrument, lines(4990, 5110, 60), -5.0))
    mixed = flux.at[n:].set(other[n:])  # the second arm moves otherwise, and has little weight
    ivar = jnp.full(flux.shape, 1e4).at[n:].set(1e-2)
    spoilt = mixed.at[100:120].set(jnp.nan).at[300].set(1e9)
    ivar_spoilt = ivar.at[300].set(0.0)
    correlate = template_correlator(instrument, VELOCITIES)
    for given in ((mixed, template, ivar), (spoilt, template, ivar_spoilt)):
        match = jax.jit(lambda c, *given: c(*given))(correlate, *given)
        assert abs(float(match.best[0]) - 1.0) < 1e-3
        assert match.valid.tolist() == [True, True]
    lost = correlate(mixed.at[:n].set(jnp.nan), template, ivar)
    assert lost.valid.tolist() == [False, True] and abs(float(lost.best[0]) + 5.0) < 1e-3
    none = correlate(mixed * jnp.nan, template)
    assert not np.any(none.valid) and np.isnan(float(none.best[0])) and np.all(np.isnan(none.total))


def test_errors_are_those_of_many_draws(x64):
    """400 spectra with noise: scatter and mean error to 15 %, four sigma of such a scatter."""
    instrument, flux, template = case(1.0)
    correlate = template_correlator(instrument, np.arange(-3, 5.1, 0.5))
    noise = 0.01 * jnp.asarray(np.random.default_rng(4).normal(size=(400, flux.size)))
    ivar = jnp.full(flux.shape, 1e4)
    best = jax.jit(jax.vmap(lambda f: correlate(f, template, ivar).best))(flux + noise)
    assert float(jnp.std(best[0])) == pytest.approx(float(jnp.mean(best[1])), rel=0.15)
    assert abs(float(jnp.mean(best[0])) - 1.0) < 4 * float(best[1][0]) / 20 + 5e-4


@pytest.mark.slow
def test_single_precision_and_a_line_beyond_the_velocities():
    """0.5 m/s."""
    instrument, flux, template = case(-4.0)
    match = template_correlator(instrument, VELOCITIES)(flux, template)
    assert match.chi2.dtype == jnp.float32 and abs(float(match.best[0]) + 4.0) < 1e-3
    beyond = template_correlator(instrument, np.arange(0, 8.1, 0.5))(flux, template)
    assert np.isnan(float(beyond.best[0])) and np.isnan(float(beyond.best[1]))


@pytest.mark.slow
def test_gradients(x64):
    """In flux and in template: the template may be a model of the star."""
    instrument, flux, template = case(1.0, (5000, 5015))
    correlate = template_correlator(instrument, np.arange(-2, 4.1, 0.75), degree=1)

    def measured(flux, template):
        match = correlate(jnp.asarray(flux), jnp.asarray(template))
        return match.best[0], match.chi2

    check_grads(measured, (flux, template), order=1, modes=("fwd", "rev"), rtol=1e-4)


def test_what_is_refused():
    instrument = spectrograph((5000, 5003))
    with pytest.raises(ValueError, match=r"arm1: \d+ pixels are too few for shifts from -100 to 100 km/s"):
        template_correlator(instrument, np.linspace(-100, 100, 21))
    with pytest.raises(ValueError, match="degree = 11"):
        template_correlator(instrument, VELOCITIES, degree=11)
    with pytest.raises(ValueError, match="degree = 2.5, allowed: whole numbers"):
        template_correlator(instrument, VELOCITIES, degree=2.5)
    with pytest.raises(ValueError, match="8 or more rising"):
        template_correlator(instrument, [0.0])
    with pytest.raises(ValueError, match=r"flux has shape \(7,\), .* is expected"):
        template_correlator(spectrograph((5000, 5050)), VELOCITIES)(jnp.ones(7), jnp.ones(7))
