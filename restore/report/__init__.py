"""What is made of a restore's records: one JSON document, a summary for the terminal, and one page. Pure.

Everything that comes from a record may have come from a database, a bucket or a cluster: it is hostile input, is
cleaned of control characters when it is read (untrusted.py), and escaped where it is shown.
"""
