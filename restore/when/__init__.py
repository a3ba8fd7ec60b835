"""When did it happen: what the source, AWS and the cluster have recorded, and what none of them can have."""
