"""The gates: proofs that must hold before the resources that depend on them are touched.

One module a gate, and `hook.py`, which makes a gate's work a Pulumi resource hook.
"""
