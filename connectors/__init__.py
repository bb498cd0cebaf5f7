"""HOW each system says it: sources, readers, landing, conforming, quarantine."""
