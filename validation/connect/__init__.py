"""Reaches a server: where it is, a session on one snapshot, questions and their answers."""
