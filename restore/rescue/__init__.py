"""Rows of single tables brought back into a database that goes on serving, from a candidate beside it."""
