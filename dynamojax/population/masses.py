"""Initial masses: of stars as they are born, and of those that Kepler observed."""

import numpy as np

from dynamojax.population.distributions import Histogram, PowerLaws

# Masses of the 55,231 stars with periods of Santos et al. (2019, 2021) in bins of 0.1 M_sun, each star
# counted as often as its catalogue found no period: 15,640 of 26,521 M and K,
# 39,592 of 141,130 G and F stars.
_KEPLER_EDGES = tuple(np.round(np.arange(0.1, 1.701, 0.1), 3))
_KEPLER_SHARES = (
    *(0.0014, 0.0031, 0.0055, 0.0109, 0.0377, 0.0393, 0.0819, 0.2133),
    *(0.1882, 0.1279, 0.0962, 0.0839, 0.0590, 0.0283, 0.0149, 0.0086),
)


def kroupa_masses(low: float | int = 0.1, high: float | int = 1.7) -> PowerLaws:
    """Stars as they are born: dN/dm ~ m^-1.3 below 0.5 M_sun, m^-2.3 above. [M_sun]

    Args:
        low: Least mass, 0.08 to 0.5. [M_sun]
        high: Greatest mass, above 0.5. [M_sun]

    Source: Kroupa (2001), MNRAS 322, 231, equation 2.
    """
    if not 0.08 <= low < 0.5 < high:
        raise ValueError(f"low = {low}, high = {high}: must be 0.08 <= low < 0.5 < high; use PowerLaws")
    return PowerLaws([low, 0.5, high], [-1.3, -2.3])


def kepler_masses() -> Histogram:
    """Main-sequence stars and subgiants that Kepler observed for four years, 0.1 to 1.7 M_sun. [M_sun]

    They are present masses by isochrones, on which the draw of ages acts once more: massive old stars have
    left the tracks' reach and are drawn again.

    Source: ours, from Santos et al. (2019, ApJS 244, 21; 2021, ApJS 255, 17), as said beside the numbers.
    """
    return Histogram(_KEPLER_EDGES, _KEPLER_SHARES)
