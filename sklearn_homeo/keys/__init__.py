"""Secret keys: derivation, files, shares."""
