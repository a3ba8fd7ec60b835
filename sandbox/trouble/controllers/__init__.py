"""Processes that go on playing a trouble: controllers of the cluster, and the proxy between pods and databases."""
