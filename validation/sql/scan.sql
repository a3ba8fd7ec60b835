-- One pass over a table for all that is asked of it.
select {aggregates} from {table}
