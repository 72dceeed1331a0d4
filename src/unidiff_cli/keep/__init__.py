"""A process that keeps a model loaded, and those that ask it. Only its own half imports torch.

Nothing here reads or writes a user's file, and nothing is printed.
"""
