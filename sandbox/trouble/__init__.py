"""The real world's troubles, each played by name on a running sandbox: `python -m sandbox trouble`."""
