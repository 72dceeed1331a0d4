"""What is seen while a command runs: notes, bars, pictures, tables. No file is named here."""
