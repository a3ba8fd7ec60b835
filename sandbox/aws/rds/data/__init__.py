"""What RDS knows, as plain values: shapes, identifiers, what is offered, and the state on disk."""
