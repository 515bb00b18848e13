"""Tables of mixed columns to float64 and back to the same table."""
