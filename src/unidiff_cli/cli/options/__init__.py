"""What may be typed: options, their sections and their values."""
