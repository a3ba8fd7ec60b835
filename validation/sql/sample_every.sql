-- Some of the rows that are read, by a hash of their place.
hashtidextended(ctid, {seed}) % {every} = 0
