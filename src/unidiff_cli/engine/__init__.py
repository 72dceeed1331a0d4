"""The model at work: requests in, samples out, on a device. No files, no command line."""
