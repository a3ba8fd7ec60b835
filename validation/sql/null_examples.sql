select {keys} as keys from {table} as c where c.{column} is null limit 5
