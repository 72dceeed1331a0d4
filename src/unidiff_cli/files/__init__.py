"""What enters and leaves: pictures, records, names, plans. No torch, and no word to the user."""
