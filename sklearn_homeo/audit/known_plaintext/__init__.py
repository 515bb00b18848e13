"""Attacks by pairs of plain and encrypted rows."""
