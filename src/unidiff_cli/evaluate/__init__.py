"""How good results are, in numbers: ours and any other system's, by the same measures."""
