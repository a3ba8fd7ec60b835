select count(*)::numeric as rows, 0::numeric as variance, count(*)::numeric as read{aggregates} from only {table}
