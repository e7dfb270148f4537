"""Rossiter-McLaughlin velocities by starry 1.2.0 itself (MIT licence), which needs Python 3.9 and Theano.

`starry.Map(udeg=2, rv=True)` with u = (0.29, 0.34), inc 90, obl 0, alpha 0, veq of 2 pi 696000 km in 10 days;
map.rv(xo, yo, zo, ro=0.1) at the planet's positions of every fourth of `velocity_scenes.transit_times()`.
"""

# By obliquity [deg]: velocities of the light. [m/s]
VELOCITY = {
    0.0: (
        0.00000,
        9.03497,
        36.76025,
        27.84906,
        14.55073,
        -0.00000,
        -14.55073,
        -27.84906,
        -36.76025,
        -9.03497,
        0.00000,
    ),
    40.0: (
        0.00000,
        5.16371,
        18.61684,
        10.48166,
        -0.19806,
        -11.47811,
        -22.49107,
        -32.18557,
        -37.70314,
        -8.67867,
        0.00000,
    ),
    90.0: (
        0.00000,
        -2.73416,
        -14.84651,
        -16.88265,
        -17.64901,
        -17.85677,
        -17.64901,
        -16.88265,
        -14.84651,
        -2.73416,
        0.00000,
    ),
}
EVERY = 4
