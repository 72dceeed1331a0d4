"""The model at work: requests in, samples out, on a device. Nothing is written here."""
