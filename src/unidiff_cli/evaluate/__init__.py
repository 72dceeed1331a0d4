"""How good results are, in numbers, ours and any other's. Samples are made by batch."""
