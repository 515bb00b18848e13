"""Attacks on encrypted images."""
