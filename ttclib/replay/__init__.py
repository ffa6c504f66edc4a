"""Strategies replayed from cached samples: pure functions from arrays to arrays."""
