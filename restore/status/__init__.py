"""Where a restore stands: who serves, what goes on, what is safe, what is next.

Put together from AWS, the cluster, Pulumi's state and the evidence; each of them may be silent, and the others count
all the same.
"""
