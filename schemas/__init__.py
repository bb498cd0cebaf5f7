"""WHAT the data means: units, fields, contracts, the enterprise folder. Imports nothing of ours."""
