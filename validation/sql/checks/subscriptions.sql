--: things = "subscriptions"
--: needed = "none enabled: the restored copy would take the source's place at the publisher"
--: fix = "alter subscription ... disable, until the switch"
--: nothing = "pass"
select not subenabled as ok, subname as subscription from pg_subscription
where subdbid = (select oid from pg_database where datname = current_database())
