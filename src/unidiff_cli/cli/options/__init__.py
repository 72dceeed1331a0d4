"""What may be typed: options, their sections and their values. Nothing is run or printed."""
