"""Physical constants, unit in the name, source beside each."""

# IAU 2015 Resolution B3, nominal values (Prsa et al. 2016, AJ 152, 41).
R_SUN_KM = 6.957e5
GM_SUN_KM3_S2 = 1.3271244e11
TEFF_SUN_K = 5772.0
LOGG_SUN_DEX = 4.43807  # log10(GM_sun / R_sun^2) in cgs, from the two nominal values above
R_JUPITER_R_SUN = 7.1492e4 / R_SUN_KM  # nominal equatorial radius
R_EARTH_R_SUN = 6.3781e3 / R_SUN_KM  # nominal equatorial radius
M_JUPITER_M_SUN = 1.2668653e8 / GM_SUN_KM3_S2  # ratio of nominal GM
M_EARTH_M_SUN = 3.986004e5 / GM_SUN_KM3_S2  # ratio of nominal GM

# SI and IAU definitions, exact.
C_KM_S = 299792.458  # SI
DAY_S = 86400.0
HC_ERG_A = 6.62607015e-27 * 2.99792458e18  # SI: energy of a photon times its wavelength
AU_KM = 1.495978707e8  # IAU 2012 Resolution B2
PC_KM = AU_KM * 648000.0 / 3.141592653589793  # IAU 2015 Resolution B2
PC_R_SUN = PC_KM / R_SUN_KM
