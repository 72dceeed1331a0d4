"""What is read, loaded and handed out: inputs, a model, files, lines. No option is declared."""
