"""WHEN it runs: the monthly run, its Dagster rim and the `esg` command."""

import os

# Both are read when polars is loaded, so they stand before anything that loads it.
# Work goes column by column: a second thread mostly waits, for a tenth of the CPU and no less time.
os.environ.setdefault("POLARS_MAX_THREADS", "1")
# Memory that one file has freed is kept for the next, which spares a sixth of the CPU.
os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:5000,muzzy_decay_ms:5000")
