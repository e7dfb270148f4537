"""What SOAP 2.0 itself gives for its default star and spot: numbers of the code, not of a figure.

From examples/soap_rv.txt of github.com/saethlin/rust-lather (MIT or Apache licence), written by SOAP 2.0
to compare with: the Sun at 25.05 days and 90 deg, quadratic limb darkening 0.29, 0.34, one spot of 1 % of the
visible hemisphere at latitude 30 deg, 663 K cooler, 100 even phases of one turn from the far side on.

And what it gives with its own config.cfg, a spot, or a plage, of 0.1 stellar radii at latitude 30 deg:
light, velocity, bisector span and FWHM, of all effects and of the light alone (every part with the line of
the quiet Sun). From Data/{spot,plage}_lat/*lat=(30.0*/*.rdb of github.com/jinglinzhao/FIESTA-II (Zhao et al.
2022, doi 10.3847/1538-4357/ac77ec; no licence is stated: a few numbers are quoted), every third phase. The
lines are SOAP 2.0's own, the mean ones of atlases of the Sun and of a sunspot, which rust-lather carries as
rust/resources/CCF_solar_spectrum_G2_FTS_reso_not_evenly_sampled_in_freq.rdb, every fifth velocity.
"""

import numpy as np
from scipy.interpolate import CubicSpline

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


PHASE = np.arange(-8, 9) * 0.03  # of a turn since the passage of the central meridian
_COLUMNS = ("flux", "velocity", "span", "fwhm", "velocity_of_light", "span_of_light", "fwhm_of_light")
# All but the flux are changes from the star without the region. [m/s]
_REGIONS = {
    "spot": """
        .999853 .340 -.060 -.071 .254 .003 -.129  .999335 1.507 -.278 -.254 1.122 .005 -.540
        .998620 2.995 -.604 -.216 2.197 -.030 -.922  .997858 4.323 -.961 .349 3.098 -.120 -1.001
        .997090 5.246 -1.257 1.600 3.622 -.246 -.669  .996451 5.415 -1.312 3.390 3.520 -.341 .036
        .995927 4.832 -1.018 5.417 2.808 -.341 .895  .995614 3.522 -.348 7.080 1.556 -.214 1.583
        .995507 1.739 .562 7.961 -.006 .002 1.849  .995629 -.150 1.448 7.783 -1.558 .216 1.578
        .995927 -1.778 2.068 6.718 -2.813 .344 .893  .996437 -2.857 2.260 5.025 -3.532 .344 .036
        .997090 -3.232 2.047 3.237 -3.619 .246 -.671  .997858 -2.907 1.553 1.729 -3.092 .118 -1.002
        .998620 -2.119 .990 .750 -2.192 .027 -.922  .999335 -1.099 .465 .234 -1.118 -.007 -.540
        .999853 -.250 .101 .039 -.253 -.004 -.129
    """,
    "plage": """
        1.000059 .085 -.140 .179 -.102 -.002 .052  1.000208 .464 -.600 .773 -.350 -.002 .169
        1.000317 1.122 -1.164 1.656 -.505 .007 .212  1.000361 1.910 -1.650 2.860 -.522 .020 .169
        1.000366 2.706 -1.939 4.519 -.456 .031 .085  1.000351 3.296 -1.832 6.465 -.349 .033 -.003
        1.000340 3.632 -1.260 8.573 -.234 .028 -.074  1.000333 3.623 -.236 10.346 -.118 .016 -.119
        1.000331 3.320 1.062 11.486 .000 .000 -.135  1.000332 2.801 2.319 11.693 .118 -.016 -.119
        1.000340 2.219 3.254 11.060 .235 -.029 -.074  1.000353 1.657 3.647 9.609 .350 -.034 -.003
        1.000366 1.215 3.477 7.712 .455 -.031 .085  1.000361 .894 2.833 5.605 .521 -.020 .169
        1.000317 .653 1.959 3.629 .504 -.006 .212  1.000208 .392 1.000 1.806 .349 .002 .169
        1.000059 .108 .231 .420 .102 .001 .052
    """,
}
QUIET_FWHM, QUIET_SPAN = 6.885445, -0.007833  # [km/s]


def region(kind: str) -> dict[str, np.ndarray]:
    """Flux and changes of the line [m/s] at PHASE: those of the light alone under `*_of_light`."""
    rows = np.array(_REGIONS[kind].split(), float).reshape(PHASE.size, -1)
    return dict(zip(_COLUMNS, rows.T, strict=True))


_AT = np.arange(-19.5, 19.6, 0.5)
_QUIET = np.array(
    """
    1.0000 .9999 .9996 .9991 .9985 .9976 .9966 .9956 .9943 .9933 .9916 .9907 .9896 .9888 .9889 .9885 .9892
    .9902 .9914 .9939 .9955 .9971 .9957 .9955 .9915 .9853 .9757 .9605 .9400 .9124 .8742 .8281 .7718 .7087
    .6422 .5771 .5196 .4752 .4464 .4357 .4449 .4751 .5244 .5874 .6563 .7250 .7863 .8397 .8829 .9172 .9436
    .9632 .9773 .9872 .9937 .9976 .9989 .9999 .9992 .9984 .9972 .9956 .9938 .9923 .9913 .9906 .9906 .9909
    .9914 .9926 .9939 .9951 .9964 .9975 .9984 .9992 .9996 .9999 1.0000
    """.split(),
    float,
)
_ACTIVE = np.array(
    """
    1.0000 1.0000 .9999 .9997 .9994 .9991 .9986 .9982 .9974 .9967 .9953 .9946 .9936 .9926 .9920 .9906 .9900
    .9893 .9884 .9887 .9884 .9885 .9859 .9846 .9789 .9705 .9584 .9410 .9184 .8902 .8533 .8117 .7631 .7104
    .6568 .6056 .5611 .5271 .5046 .4942 .4952 .5064 .5276 .5582 .5970 .6434 .6928 .7446 .7947 .8411 .8814
    .9144 .9402 .9597 .9740 .9842 .9907 .9956 .9979 .9994 .9999 .9996 .9987 .9978 .9969 .9963 .9958 .9954
    .9952 .9959 .9966 .9972 .9979 .9985 .9991 .9996 .9998 1.0000 1.0000
    """.split(),
    float,
)


def line(velocity: np.ndarray, *, active: bool) -> np.ndarray:
    """Light that the mean line leaves at velocities [km/s], before the instrument. [1]"""
    left = CubicSpline(_AT, _ACTIVE if active else _QUIET)(np.clip(velocity, _AT[0], _AT[-1]))
    return np.where(np.abs(velocity) < _AT[-1], left, 1.0)
