"""Verifying, repairing, merging."""
