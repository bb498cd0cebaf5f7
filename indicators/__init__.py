"""WHAT is reported: the catalogue, its evaluation, scores and the report."""
