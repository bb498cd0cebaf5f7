"""The evaluation report: one self-contained HTML page from values, scores, catalogue and profile."""
