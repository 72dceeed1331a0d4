"""Many jobs, one model: JSONL in, pictures and records out. Not the samples of one command."""
