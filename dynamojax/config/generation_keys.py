"""The keys of [generate]: how many stars, and what is kept of them."""

from dynamojax.config.keys import SEED, Key, Section

GROUPS = ("spots", "clean", "noisy", "fractions")  # of population.columns, which needs NumPy

GENERATE = Section(
    "generate",
    "The data set.",
    (
        Key("stars", "integer", 1000, "Number of stars.", span=(1, 2**31 - 1, True, True), required=True),
        Key(
            "seed",
            "integer",
            0,
            "With it a star's number determines the star: sample_population(jax.random.key(seed), n).",
            span=SEED,
        ),
        Key(
            "columns",
            "strings",
            ["spots", "clean", "noisy"],
            "What is kept beside parameters and labels: spot maps, observables without and with noise, "
            "shares of the disc that spots and faculae cover.",
            choices=GROUPS,
        ),
        Key(
            "file_format",
            "string",
            "parquet",
            "Parquet opens in datasets, polars, Ray Data and pandas.",
            choices=("parquet", "hdf5"),
        ),
        Key(
            "shard_stars",
            "integer",
            None,
            "Stars of a file; some 256 MB of numbers if left out.",
            span=(1, 2**31 - 1, True, True),
        ),
    ),
)
