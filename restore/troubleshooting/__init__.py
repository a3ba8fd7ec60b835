"""What each printed problem means and what to do about it, by name; docs/troubleshooting.md is made from it."""
