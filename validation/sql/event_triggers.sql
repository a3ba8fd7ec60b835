-- What creating an extension would run, with the rights of who creates it.
select count(*) as enabled from pg_event_trigger where evtenabled <> 'D'
