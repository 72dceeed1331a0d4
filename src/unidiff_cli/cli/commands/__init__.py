"""The commands, a file each, named as they are typed: options in, one call, answers out."""
