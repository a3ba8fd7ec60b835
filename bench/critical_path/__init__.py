"""A hand-run restore procedure against this program, to a validated switch, on the same sandbox."""
