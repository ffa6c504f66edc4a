"""A family of small models trained here, so that the whole method runs on a laptop.

Their task is `ttclib.problems.arithmetic`; everything here needs the extra ``transformers``.
"""
