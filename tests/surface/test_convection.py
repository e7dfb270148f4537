"""Convective shift: the parabola is the table's, in any dtype."""

import jax.numpy as jnp
import numpy as np

from dynamojax.surface.convection import Convection

MU = (1, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3)
# Loehner-Boettcher et al. (2018, A&A 611, A4), table 2, mean bisectors of Fe I 6301.5 and 6302.5 A. [m/s]
SHIFTS = (
    (-295, -244, -251, -269, -246, -271, -255, -206, -156, -87),
    (-295, -249, -262, -281, -260, -286, -274, -221, -170, -94),
)


def test_parabola_through_the_table(precision):
    convection = Convection.solar()
    fit = np.polynomial.polynomial.polyfit(MU, np.mean(SHIFTS, axis=0) / 1e3, 2)
    np.testing.assert_allclose(convection.shift, fit, atol=1e-5)
    got = convection.velocity(jnp.asarray(MU, precision))
    assert got.dtype == precision
    np.testing.assert_allclose(got, np.polynomial.polynomial.polyval(MU, fit), atol=3e-5)
    assert np.sqrt(np.mean((np.asarray(got) - np.mean(SHIFTS, axis=0) / 1e3) ** 2)) < 0.019


def test_one_coefficient_is_a_constant():
    still = Convection([-0.3], 1.0, 1.0)
    np.testing.assert_array_equal(still.velocity(jnp.asarray([0.2, 1.0])), jnp.asarray([-0.3, -0.3]))
