"""What is collected where: tests against real database servers only on a machine that has them."""

from __future__ import annotations

import os

# Left out, not skipped: without the servers there is nothing that these tests could tell.
collect_ignore = [] if os.environ.get("ESG_TEST_DATABASES") == "1" else ["databases"]
