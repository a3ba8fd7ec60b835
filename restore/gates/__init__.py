"""The gates: proofs that must hold before the resources that depend on them are touched.

One module a gate; hook.py makes a gate's work a Pulumi resource hook, context.py has the adapters that it reaches.
What several gates need has modules of its own: activity.py observes pods and sessions, targets.py has validation's
logins, in_cluster.py the Job, proofs.py earlier proofs, error_problems.py makes an error a problem.
"""
