"""WHEN it runs: the monthly run, its Dagster rim and the `esg` command."""
