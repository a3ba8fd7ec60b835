"""What an operator runs besides `pulumi`: `python -m restore options|status|doctor|report|rollback|close`."""
