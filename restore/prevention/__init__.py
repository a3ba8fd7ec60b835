"""What watches over the backups on quiet days (key `prevention`): ages of backups and drills (ages, check), the alarms
on them (alarms), the nightly dump (nightly), a snapshot before a migration (snapshots), and what is old enough to go
(expiry). What stands in the cluster is in workloads and document; what it costs, in costs."""
