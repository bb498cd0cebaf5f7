"""What is collected where: tests against database servers and on real extracts only on a machine that has them."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# Left out, not skipped: without the servers, or the extracts, there is nothing that these tests could tell.
collect_ignore = [] if os.environ.get("ESG_TEST_DATABASES") == "1" else ["databases"]
collect_ignore += [] if os.environ.get("ESG_REAL_DATA") else ["realdata"]

# Machines are shared: how long an example took says nothing of what is tested. Examples are drawn anew at every run, but
# the gate says the same of the same commit.
is_gate = os.environ.get("ESG_TEST_GATE") == "1"
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=is_gate)
settings.load_profile("shared")
