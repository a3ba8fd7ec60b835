"""Which dumps exist, and exactly which bytes one of them is."""
