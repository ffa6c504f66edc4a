"""Collecting: the only room that loads a model and writes samples."""
