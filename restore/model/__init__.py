"""The words of this program as frozen values. No I/O."""
