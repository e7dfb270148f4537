import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dynamojax.evolution import activity_relations as relations
from dynamojax.evolution import turnover

A = jnp.asarray


def test_the_sun(x64):
    """Observed means beside what the relations give at the Sun's Rossby numbers."""
    assert float(relations.log_rhk(A(25.4 / 11.988))[0]) == pytest.approx(-4.91, abs=0.1)
    assert float(relations.age_from_rhk(A(-4.91))[0]) == pytest.approx(4.57, rel=0.2)
    assert float(relations.log_rx(A(25.4 / 14.45))[0]) == pytest.approx(-6.24, abs=0.4)  # a cycle's mean
    assert float(relations.sph_ppm(A(25.4 / 12.875))[0]) == pytest.approx(358, abs=15)
    assert float(relations.spot_contrast(A(5772.0))[0]) == pytest.approx(1822, abs=1)
    assert float(relations.cycle_noyes(A(2.1))[0]) == pytest.approx(11 * 365.25)
    active, inactive = relations.cycle_branches(A(25.4))
    assert inactive < 11 * 365.25 < active


def test_sph_falls_with_rossby_number_and_passes_its_medians(x64):
    log_ro = np.array([-1.5, -0.9, -0.4, 0.0, 0.4])
    got = jax.vmap(relations.sph_ppm)(A(10**log_ro))[0]
    np.testing.assert_allclose(np.log10(got), [3.984, 3.865, 3.380, 3.114, 2.415], atol=1e-6)
    fine = np.log10(jax.vmap(relations.sph_ppm)(A(np.geomspace(0.033, 3.1, 200)))[0])
    assert np.diff(fine).max() < 0.02  # a shoulder at Ro = 0.6 is in the data


def test_activity_saturates(x64):
    rx = jax.vmap(relations.log_rx)(A([0.01, 0.1, 0.16, 1.6]))[0]
    np.testing.assert_allclose(rx, [-3.13, -3.13, -3.13, -3.13 - 2.70], atol=1e-12)


def test_rhk_is_the_inverse_of_the_published_equation(x64):
    ro = np.linspace(0.2, 2.2, 11)
    log_rhk = np.asarray(jax.vmap(relations.log_rhk)(A(ro))[0])
    np.testing.assert_allclose(0.808 - 2.966 * (log_rhk + 4.52), ro, atol=1e-12)


def test_spot_area_takes_out_the_amplitude(x64):
    teff, sph = 5500.0, 2000.0
    contrast = float(relations.spot_contrast(A(teff))[0])
    area = float(relations.spot_area(A(sph), A(teff))[0])
    assert area * (1 - ((teff - contrast) / teff) ** 4) == pytest.approx(2 * np.sqrt(2) * sph * 1e-6)
    assert relations.emergence_level(A(relations.SPH_SUN_PPM)) == pytest.approx(1.0)
    assert relations.emergence_level(A(2 * relations.SPH_SUN_PPM), 2.0) == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("law", "outside"),
    [
        (relations.log_rhk, (0.1, 2.3)),
        (relations.age_from_rhk, (-5.2, -3.9)),
        (relations.log_rx, (0.0, 4.0)),
        (relations.sph_ppm, (0.0, 0.01, 4.0)),
        (relations.spot_contrast, (3000.0, 7000.0)),
        (relations.cycle_noyes, (0.0, 4.0)),
    ],
)
def test_outside_the_range_is_nan_with_a_finite_gradient_of_the_rest(x64, law, outside):
    for at in (*outside, np.nan):
        value, valid = law(A(at))
        assert not valid and np.isnan(value)
    for at in outside:
        assert np.isfinite(jax.grad(lambda x: jnp.where(law(x)[1], law(x)[0], 0.0))(A(at)))


@pytest.mark.parametrize(
    ("law", "inside"),
    [
        (lambda x: relations.log_rhk(x)[0], 1.1),
        (lambda x: relations.age_from_rhk(x)[0], -4.6),
        (lambda x: relations.log_rx(x)[0], 0.5),
        (lambda x: relations.sph_ppm(x)[0], 0.7),
        (lambda x: relations.spot_contrast(x)[0], 5100.0),
        (lambda x: relations.spot_area(A(800.0), x)[0], 5100.0),
        (lambda x: relations.emergence_level(x, 2.0), 800.0),
        (lambda x: relations.cycle_noyes(x)[0], 1.3),
        (lambda x: relations.cycle_branches(x)[0], 20.0),
        (lambda x: turnover.turnover_cranmer(x)[0], 5500.0),
        (lambda x: turnover.turnover_wright_2011(x)[0], 0.8),
        (lambda x: turnover.turnover_wright_2018(x)[0], 0.8),
        (lambda x: turnover.turnover_noyes(x)[0], 0.8),
        (lambda x: turnover.colour_bv(x)[0], 5500.0),
    ],
)
def test_slopes_are_those_of_differences(x64, law, inside):
    h = 1e-6 * abs(inside)
    difference = (law(A(inside + h)) - law(A(inside - h))) / (2 * h)
    assert float(jax.grad(law)(A(inside))) == pytest.approx(float(difference), rel=1e-6)
    assert float(jax.jacfwd(law)(A(inside))) == pytest.approx(float(difference), rel=1e-6)
