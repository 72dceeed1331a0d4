"""JSON Schemas of what unidiff reads and prints as JSON: plain data, nothing that prints it."""
