"""The paper: the square, the schedule, solvers, the sampler. No networks, files or devices here."""
