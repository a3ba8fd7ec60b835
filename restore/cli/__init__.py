"""What an operator runs besides `pulumi`: `python -m restore options|status|report|rollback|close`."""
