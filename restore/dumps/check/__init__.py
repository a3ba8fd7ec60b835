"""What is in a dump, and whether a database holds just that."""
