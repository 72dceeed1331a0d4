"""Series of samples: chains, interpolations, sweeps, and their sheets. Not the names of files."""
