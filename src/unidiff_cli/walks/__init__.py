"""Series of samples: chains, interpolations, sweeps, and the sheets that show them."""
