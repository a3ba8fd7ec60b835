-- Some of the rows that are read, by a hash of their place.
hashtextextended(ctid::text, {seed}) % {every} = 0
