"""Everything that the source can be restored from, ranked, and which one is meant. Pure."""
