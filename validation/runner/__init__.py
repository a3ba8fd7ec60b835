"""Runs a validation: connects, builds the checks, has their questions answered, judges."""
