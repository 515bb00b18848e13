"""Evaluations: what encryption keeps of tables and images, and what attackers get."""
