"""Convective shift of the photosphere across the disc, and how active regions inhibit it."""

import equinox as eqx
from jaxtyping import Array, Float

from dynamojax.system import leaf

# Least-squares parabola through the mean bisectors of Fe I 6301.5 and 6302.5 A, mu = 1 .. 0.3 (Loehner-
# Boettcher et al. 2018, A&A 611, A4, table 2); rms 18 m/s, of which supergranulation is a part. [km/s]
_SOLAR_SHIFT = (0.15922, -1.05631, 0.63890)


class Convection(eqx.Module):
    """Convective shift of lines in the quiet Sun, and its share that active regions suppress.

    `Star.convective_blueshift` scales it. Positive recedes: the shift is negative but for the limb.

    Attributes:
        shift: Coefficients c_j of v(mu) = sum_j c_j mu^j. [km/s]
        spot_inhibition: Share of the shift that is missing in spots. [1]
        facula_inhibition: Share that is missing in faculae. [1]
    """

    shift: Float[Array, " n_powers"] = leaf()
    spot_inhibition: Float[Array, ""] = leaf()
    facula_inhibition: Float[Array, ""] = leaf()

    @staticmethod
    def solar(*, spot_inhibition: float = 1.0, facula_inhibition: float = 0.5) -> "Convection":
        """The Sun's in the lines of neutral iron near 6302 A; 0 inhibits nothing, 1 all.

        Source: shift from Loehner-Boettcher et al. (2018, A&A 611, A4), table 2; no convection in spots
            as in Dumusque et al. (2014, ApJ 796, 132); half of it in plages and network from Meunier et
            al. (2010, A&A 519, A66), whose later comparison with HARPS-N (Meunier et al. 2024, A&A 687,
            A303) asks for about twice that.
        """
        return Convection(_SOLAR_SHIFT, spot_inhibition, facula_inhibition)

    def velocity(self, mu: Float[Array, "..."]) -> Float[Array, "..."]:
        """Shift of the quiet Sun at mu. [km/s]"""
        total = self.shift[-1]
        for j in range(self.shift.shape[0] - 2, -1, -1):
            total = total * mu + self.shift[j]
        return total + 0 * mu
