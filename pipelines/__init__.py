"""WHEN it runs: the monthly run, its Dagster rim and the `esg` command."""

import os

# polars asks when it is loaded: memory that one file has freed is kept for the next, which spares a sixth of the CPU
os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:5000,muzzy_decay_ms:5000")
