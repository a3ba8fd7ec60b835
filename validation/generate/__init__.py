"""Writes a first file of expectations from a live database, on which it passes."""
