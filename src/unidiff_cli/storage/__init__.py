"""Models on disk and on the Hub: found, fetched, checked, opened. Nothing runs here."""
