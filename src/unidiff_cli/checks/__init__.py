"""Whether a request can be meant: its numbers, names and lists, alone and together. No torch."""
