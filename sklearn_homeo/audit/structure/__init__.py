"""Attacks by ciphertexts alone, by other records, and by unordered records."""
