"""Figures: light curves, the disc, the butterfly diagram, an animation of the turning star.

Every function returns a matplotlib `Figure` of its own or writes one file; none touches pyplot or leaves
a setting changed. Save a figure with `figure.savefig(path)`.
"""

from dynamojax.plotting.animation import animate_star as animate_star
from dynamojax.plotting.butterfly import plot_butterfly as plot_butterfly
from dynamojax.plotting.disc import disc_image as disc_image
from dynamojax.plotting.disc import plot_disc as plot_disc
from dynamojax.plotting.light_curves import plot_light_curves as plot_light_curves
from dynamojax.plotting.style import STYLE as STYLE
