"""Scoring: values and expert levels become scores from 0 to 100 under a declared profile."""
