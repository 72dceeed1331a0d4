"""The command line: read, call, hand out. What another front would need lies below it."""
