"""The starter's own examination, which any model can sit: `unidiff eval clipart`."""
