"""Method dump: a dump in S3 becomes the content of an empty database.

    catalog.listing.list_dumps / choose / pin_dump    which dump, and exactly which bytes
    check.scan.scan                                   what is in it, read once to its end; nothing is touched
    load.loader.load                                  into an empty database, exactly once, however often it is killed
    check.verify.verify                               the dump's rows, indexes, constraints, sequences are the target's

Values are in model.py. `python -m restore.dumps` is the same by hand.
"""
