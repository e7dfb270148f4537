"""What SOAP 2.0 itself gives for its default star and spot: numbers of the code, not of a figure.

From examples/soap_rv.txt of github.com/saethlin/rust-lather (MIT or Apache licence), written by SOAP 2.0
to compare with: the Sun at 25.05 days and 90 deg, quadratic limb darkening 0.29, 0.34, one spot of 1 % of the
visible hemisphere at latitude 30 deg, 663 K cooler, 100 even phases of one turn from the far side on.
"""

import numpy as np

N_PHASES, FIRST = 100, 23  # those before the first and after the last are exactly 0: the spot is behind

# From the phase FIRST on. [m/s]
_SEEN = """
0.009 0.102 0.345 0.777 1.411 2.219 3.117 4.077 5.072 6.080 7.059 7.993 8.850 9.600 10.224 10.704
11.025 11.160 11.117 10.888 10.464 9.863 9.095 8.170 7.112 5.946 4.695 3.390 2.059 0.735 -0.555
-1.779 -2.913 -3.932 -4.817 -5.554 -6.124 -6.527 -6.763 -6.826 -6.732 -6.492 -6.120 -5.632 -5.053
-4.410 -3.719 -3.016 -2.323 -1.663 -1.061 -0.586 -0.260 -0.077 -0.007
"""


def default_spot() -> tuple[np.ndarray, np.ndarray]:
    """Share of a turn since the passage of the central meridian, and radial velocity [km/s]."""
    velocity, seen = np.zeros(N_PHASES), np.array(_SEEN.split(), float)
    velocity[FIRST : FIRST + seen.size] = 1e-3 * seen
    return np.arange(N_PHASES) / N_PHASES - 0.5, velocity
