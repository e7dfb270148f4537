"""The command line, a file for each group of commands.

JAX is imported inside the commands that compute, so that help and errors are instant.
"""

from dynamojax.cli.app import app as app
