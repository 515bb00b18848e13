"""Fitting from several owners' sums: rounds, what owners send, what is learnt of it."""
