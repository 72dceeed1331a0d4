"""What enters and leaves: pictures, records, names, sheets. Values in, bytes out, no torch."""
