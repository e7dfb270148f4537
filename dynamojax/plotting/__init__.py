"""Figures: light curves, spectra, velocities, the disc, the butterfly diagram, an animation of the star.

Every function returns a matplotlib `Figure` of its own or writes one file; none touches pyplot or leaves
a setting changed. Save a figure with `figure.savefig(path)`.
"""

from dynamojax.plotting.animation import animate_star as animate_star
from dynamojax.plotting.butterfly import plot_butterfly as plot_butterfly
from dynamojax.plotting.correlations import plot_correlation as plot_correlation
from dynamojax.plotting.correlations import plot_residuals as plot_residuals
from dynamojax.plotting.disc import disc_image as disc_image
from dynamojax.plotting.disc import plot_disc as plot_disc
from dynamojax.plotting.examples import plot_examples as plot_examples
from dynamojax.plotting.light_curves import plot_light_curves as plot_light_curves
from dynamojax.plotting.populations import plot_beside_catalogue as plot_beside_catalogue
from dynamojax.plotting.populations import plot_corner as plot_corner
from dynamojax.plotting.populations import plot_distributions as plot_distributions
from dynamojax.plotting.profiles import plot_dynamic_spectrum as plot_dynamic_spectrum
from dynamojax.plotting.spectra import plot_spectra as plot_spectra
from dynamojax.plotting.style import STYLE as STYLE
from dynamojax.plotting.velocities import plot_velocity_series as plot_velocity_series
