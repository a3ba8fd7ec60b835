"""Proves the checks themselves: damages a scratch database in many ways, and sees each found by the check for it."""
