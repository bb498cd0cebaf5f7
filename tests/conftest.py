"""What is collected where: tests against database servers and on real extracts only on a machine that has them."""

from __future__ import annotations

import os

# Left out, not skipped: without the servers, or the extracts, there is nothing that these tests could tell.
collect_ignore = [] if os.environ.get("ESG_TEST_DATABASES") == "1" else ["databases"]
collect_ignore += [] if os.environ.get("ESG_REAL_DATA") else ["realdata"]
