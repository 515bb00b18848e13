"""What the label needs of the rows, found from data."""
