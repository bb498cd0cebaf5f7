"""WHERE numbers are computed: reference data, marts, the published file."""
