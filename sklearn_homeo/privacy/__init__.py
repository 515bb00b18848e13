"""Differential privacy: what a mechanism costs, the ledger, and bounds of rows."""
