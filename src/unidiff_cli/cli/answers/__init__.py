"""What is read, loaded and handed out: inputs, files, lines on standard output."""
