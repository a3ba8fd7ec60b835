select {columns}, ctid from only {table} where {kept}
