"""The operations of the RDS API, one function each, registered by name."""
