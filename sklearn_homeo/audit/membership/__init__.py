"""Attacks on membership in the training rows."""
