"""Attacks that know the construction or may use the encryptor."""
