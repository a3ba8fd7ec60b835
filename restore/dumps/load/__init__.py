"""Loads a dump into an empty database, exactly once, with a role of the load's own."""
