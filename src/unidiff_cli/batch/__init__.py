"""Many jobs, one model: a JSONL file in, pictures and a JSONL file of records out."""
