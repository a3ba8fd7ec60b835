select {key} as key from {table} as t where {where} limit 5
