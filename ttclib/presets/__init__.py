"""Configurations that ship: `ttc sample NAME`."""
