"""A person's configuration: one table of keys, and what is made of it.

`table` holds every key with its unit, default and range; `reading` checks a file against it, `documents`
prints it, `starsim` translates the original's star.conf, `build` makes the objects, `experiment` runs them.
Only `build` and `experiment` import JAX, so that `--help` and an error in a file answer at once.
"""
