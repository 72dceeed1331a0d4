"""Plain modules, tensors in and tensors out. They know nothing of ours, nor of files or modes."""
