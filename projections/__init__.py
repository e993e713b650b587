"""Read models folded from the log: whatever is here may be thrown away and rebuilt."""
