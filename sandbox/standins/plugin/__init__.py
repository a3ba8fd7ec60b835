"""Stand-ins for the AWS and Kubernetes provider plugins: test doubles for the types this program declares.

They follow terraform-provider-aws (instance.go, snapshot.go, snapshot_copy.go, parameter_group.go, and the files that
named_types.py names) as pulumi-aws 7.51 bridges it, and pulumi-kubernetes 4.34 as recorded on a real cluster. Known
differences from the real ones:

- waits poll several times a second instead of every 10 seconds after a first minute;
- AWS calls are tried 6 times by default, not 25 (`aws:maxRetries` decides in both);
- a changed element of a list shows as the whole list in a detailed diff;
- read replicas, S3 imports, blue/green updates and Active Directory are refused by Check;
- ConfigMaps and CronJobs of the program's own are made by a server-side apply as patches are, and compared by inputs;
- an await on a Deployment follows its status alone, and tells what its pods wait for every ten seconds.

Everything else that is not stood in for is refused, and so is every endpoint that is not loopback.
"""
