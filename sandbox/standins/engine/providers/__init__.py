"""What carries out the operations on resources: provider processes and the built-in providers."""
