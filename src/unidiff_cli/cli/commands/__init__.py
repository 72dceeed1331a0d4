"""A file a command, named as it is typed: options in, one call, answers out. No work is done."""
