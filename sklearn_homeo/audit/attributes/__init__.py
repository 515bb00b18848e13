"""Attacks on attributes of records, learnt from labelled ciphertexts."""
