"""One file per canonical table: its contract, and nothing else."""
