"""Number formats, memory, caches: how to compute, never what. The method does not know of it."""
