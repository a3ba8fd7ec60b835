"""RDS of one region over its state and its clusters: what operations and steps share."""
