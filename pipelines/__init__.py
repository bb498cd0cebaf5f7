"""WHEN it runs: the monthly run, its Dagster rim and the `esg` command."""

import ctypes
import os
from contextlib import suppress

# Work goes column by column: a second thread of polars mostly waits, for a tenth of the CPU and no less time.
os.environ.setdefault("POLARS_MAX_THREADS", "1")
# The hub multiplies no large matrices, and numpy's other threads would wait busily for some.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Memory that one file has freed is kept for the next, by polars and by the C library, which spares a fifth of the CPU:
# else every page of every buffer is given back to the kernel and fetched anew.
os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:5000,muzzy_decay_ms:5000")
with suppress(AttributeError, OSError, TypeError):  # glibc only
    _M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
    for _parameter in (_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD):
        ctypes.CDLL(None).mallopt(_parameter, 1 << 30)
