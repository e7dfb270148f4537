"""Files of light curves, spectra and spot maps: FITS, HDF5 and ECSV, written completely or not at all.

Kept apart from `config` and `cli` so that a script can write and read them too.
"""

from dynamojax.files.hdf5 import read_simulation as read_simulation
from dynamojax.files.hdf5 import write_simulation as write_simulation
from dynamojax.files.light_curves import write_light_curves as write_light_curves
from dynamojax.files.observed import ObservedSpectrum as ObservedSpectrum
from dynamojax.files.read_light_curves import ObservedLightCurve as ObservedLightCurve
from dynamojax.files.read_light_curves import read_light_curve as read_light_curve
from dynamojax.files.read_spectra import read_apstar as read_apstar
from dynamojax.files.read_spectra import read_apvisit as read_apvisit
from dynamojax.files.read_spectra import read_lamost as read_lamost
from dynamojax.files.read_spectra import read_spectrum as read_spectrum
from dynamojax.files.recorded_spectra import write_spectra as write_spectra
from dynamojax.files.recorded_spectra import write_velocities as write_velocities
from dynamojax.files.records import Record as Record
from dynamojax.files.records import Recording as Recording
from dynamojax.files.records import SpectralRecording as SpectralRecording
from dynamojax.files.records import VelocityRecording as VelocityRecording
from dynamojax.files.spectra import write_apstar as write_apstar
from dynamojax.files.spectra import write_aspcapstar as write_aspcapstar
from dynamojax.files.spectra import write_lamost as write_lamost
from dynamojax.files.spectra import write_spectrum as write_spectrum
from dynamojax.files.spot_maps import read_spots as read_spots
from dynamojax.files.spot_maps import write_spots as write_spots
from dynamojax.files.writing import prepare_folder as prepare_folder
from dynamojax.files.writing import replacing as replacing
