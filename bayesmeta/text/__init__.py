"""Numbers and names as a reader sees them: digits, signs, and what must not move a cursor."""
