"""The queries, one file each, and what reads these files."""
