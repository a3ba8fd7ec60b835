"""Method dump: a dump in S3 becomes the content of an empty database.

    objects.list_dumps / choose / pinned    which dump, and exactly which bytes
    scanning.scan                           what is in it, read once to its end; nothing is touched
    loading.load                            into an empty database, exactly once, however often it is killed
    verifying.verify                        rows, indexes, constraints, sequences of the dump against the target's

Values are in model.py. `python -m restore.dumps` is the same by hand.
"""
