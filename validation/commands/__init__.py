"""The commands of `python -m validation`, one module each."""
