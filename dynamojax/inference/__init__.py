"""From data back to a star: free parameters by name, likelihoods, optimisers, posteriors, planning.

A fit chooses leaves of the `System` that the simulator takes; there is no second set of parameters.
Needs the extra `fit`.
"""
