"""A rehearsal of a whole restore that touches no traffic: restored, proved, switched to by copies, and deleted."""
