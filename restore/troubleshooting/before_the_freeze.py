"""Troubles that `pulumi preview` names: nothing was touched yet."""

from __future__ import annotations

from restore.troubleshooting.entry import Chapter, Entry

CONFIGURATION = (
    Entry(
        ("config <key>",),
        "A key is unknown, misspelled, missing, or has a value that can't be meant.",
        "Everything that is wrong with the configuration is listed at once. Keys with fields are set with --path.",
        "docs/configuration.md has every key with its type and default; pulumi preview",
    ),
    Entry(
        ("config id",),
        "No restore is configured, the command names another one, or <source>-<id> is no name that RDS takes.",
        "The id names the restore, its instance and its evidence; it is at most as long as the source's name leaves.",
        "pulumi config set id <id>; pulumi preview",
    ),
    Entry(
        ("config apps",),
        "traffic is frozen or restored, and `apps` is empty.",
        "Nobody would be stopped: pods would write to the source while its copy is made.",
        "pulumi config set --path 'apps[\"<deployment>\"]' '{}' (once for each); pulumi preview",
    ),
    Entry(
        ("config instance", "config instance.<field>"),
        "The source is gone and nothing says its class, subnet group or security groups; a value is less than the "
        "recovery point needs; or AWS has no such class or storage, or no free address in its zones.",
        "What isn't given gets RDS's defaults: another network, another class. Storage and IOPS can't be less than the "
        "snapshot's. Multi-AZ needs a free address in two zones that have the class.",
        "pulumi config set --path instance.<field> <value>; pulumi preview",
    ),
    Entry(
        ("config waive.<name>",),
        "A waiver stands here word for word as in another restore that was never closed.",
        "A waiver holds for one restore: what was harmless last month may be what is wrong today.",
        "pulumi config rm --path 'waive[\"<name>\"]', or "
        'pulumi config set --plaintext --path \'waive["<name>"]\' "<reason>"',
    ),
    Entry(
        ("config login.secretId",),
        "Neither a secret with the operator's password nor IAM login is configured.",
        "The gates log in to source and candidate as the operator, to see who is connected and what is in them.",
        "pulumi config set --plaintext --path login.secretId <name>, or pulumi config set --path login.iam true",
    ),
    Entry(
        ("config tls.rootCertificate",),
        "The file can't be read, or there is none.",
        "Certificates of RDS are signed by AWS's own authorities, which no system trusts by itself.",
        "curl --fail --output rds.pem https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem; "
        "pulumi config set --path tls.rootCertificate rds.pem",
    ),
)
OTHER_REGION = (
    Entry(
        ("region <name>",),
        "The region of the source doesn't answer, and applications there may still write to it.",
        "This stack stops the applications of its own region only. Those of the other one come back with it.",
        'docs/region.md, "The writers of the lost region"; pulumi preview',
    ),
    Entry(
        ("subnet group <name>", "parameter group <name>", "security group <name>"),
        "The stack's region has nothing of the name that the source uses in its own.",
        "Groups are of one region. A parameter group can be made with the source's parameters (create.parameterGroup); "
        "subnets and whom they let in are the network's own decision.",
        "pulumi config set --path create.parameterGroup true, or pulumi config set --path instance.<field> <value>; "
        "pulumi preview",
    ),
)
STATE = (
    Entry(
        ("restore <id>",),
        "Another restore of this stack is open, this one was made from another recovery point, it has no record, or "
        "somebody else runs it now.",
        "One restore at a time by one person at a time, and one recovery point for one id, for ever: another point is "
        "another instance. A run that was killed elsewhere is taken over two minutes after its last sign of life.",
        "python -m restore status; python -m restore close <id>, or pulumi config set id <another one>",
    ),
    Entry(
        ("traffic <wanted>",),
        "The move skips `frozen`, or no freeze has ended with a safety snapshot yet.",
        "Pods that write to one database while others write to the other split the data (split brain). No waiver "
        "covers this.",
        "pulumi config set traffic frozen; pulumi up; then pulumi config set traffic restored; pulumi up",
    ),
    Entry(
        ("option --time",),
        "The time has no zone, or isn't a time.",
        "UTC and local time differ by hours of data.",
        "python -m restore options --time 2026-11-22T14:30:00Z",
    ),
    Entry(
        ("option --check",),
        "No point of that number is in the list, or this stack can't restore it as things are.",
        "The numbers are those of the same command without --check: the same --time and --region.",
        "python -m restore options; docs/options.md",
    ),
    Entry(
        ("option --since",),
        "`python -m restore when` is asked for a period that ends before it begins, or that is still to come.",
        "--since is not before --until, which is now unless it is given. UTC and local time differ by hours.",
        "python -m restore when --since 2026-11-22T14:00:00Z --until 2026-11-22T15:00:00Z",
    ),
    Entry(
        ("right <right>",),
        "A right is denied that this run or a later phase needs; the phases stand there, and what would stop.",
        "IAM was asked by simulation, the cluster by an access review. A policy of the key, bucket or secret itself "
        "doesn't count in a simulation: who knows that it gives the right goes on by a waiver.",
        "docs/permissions.md has every right; pulumi preview, or "
        'pulumi config set --plaintext --path \'waive["preflight.right:<right>"]\' "<reason>"',
    ),
    Entry(
        ("account <account>",),
        "Preflight and the AWS plugin call as different accounts, or not as the account that is allowed.",
        "What was looked at isn't what would be changed: the profile of this shell isn't the one of the configuration.",
        "aws sts get-caller-identity; pulumi config set aws:profile <profile>; pulumi preview",
    ),
    Entry(
        ("account quota <name>",),
        "The account has as many DB instances, GiB of storage or manual snapshots as it may have.",
        "AWS would refuse the restore, or the safety snapshot once the applications have stopped. Who knows that a "
        "quota was raised meanwhile goes on by the waiver that is printed (`preflight.room:<name>`).",
        "aws rds describe-account-attributes (shows what is used); aws service-quotas request-service-quota-increase "
        "--service-code rds --quota-code <code> --desired-value <number> (or delete what nobody needs); pulumi preview",
    ),
    Entry(
        ("key <arn>",),
        "The KMS key of the recovery point, or of Performance Insights, is disabled, pending deletion or gone.",
        "RDS can't use it: the restore would not be accepted, or end in inaccessible-encryption-credentials.",
        "aws kms describe-key --key-id <arn>; aws kms enable-key --key-id <arn>; pulumi preview",
    ),
)
NETWORK = (
    Entry(
        ("path from <whom>",),
        "The candidate's security groups, or the network ACLs or routes of its subnets, surely shut out the "
        "applications' pods, or this machine.",
        "Gates, their Jobs and the applications would not reach the restored database. Only what can't be otherwise is "
        "refused; who knows of a change to come goes on by the waiver `preflight.path:pods`, or `preflight.path:here`.",
        'docs/doctor.md, "Path"; aws ec2 describe-security-groups --group-ids <groups>; pulumi config set --path '
        "'instance.vpcSecurityGroupIds[0]' <group>",
    ),
)
RECOVERY_POINTS = (
    Entry(
        ("snapshot <name>", "snapshot latest"),
        "It isn't here, isn't available, isn't the source's, isn't encrypted as the source is, or must be copied.",
        "Automated snapshots go with the instance; shared and encrypted ones are restored from a copy in this account. "
        "A safety snapshot with status `failed` holds nothing.",
        "python -m restore options (lists what can be restored); pulumi config set snapshot <name>; pulumi preview",
    ),
    Entry(
        ("time <time>",),
        "The time lies outside of the window: in the future, after LatestRestorableTime, or before the first backup.",
        "RDS uploads its log every 5 minutes; older moments have snapshots alone.",
        "python -m restore options --time <time>; pulumi config set time latest",
    ),
    Entry(
        ("recovery point <point>",),
        "There are no automated backups to go back in, or the point is of another major version than the source.",
        "Point-in-time recovery needs a retention above 0 and a first backup that has ended. Parameter and option "
        "groups belong to one major version.",
        "python -m restore options; pulumi config set method snapshot; pulumi preview",
    ),
)
INSTANCES = (
    Entry(
        ("instance <name>", "instance <name> (<resource id>)"),
        "Source or candidate isn't as it must be: gone, broken, another instance under the name, another restore's, or "
        "a source that doesn't answer the operator from this machine.",
        "The line `found` says which. Statuses such as failed, incompatible-restore or storage-full don't end by "
        "themselves: RDS's events say why. An instance is known by its DbiResourceId, never by its name alone.",
        "aws rds describe-events --source-type db-instance --source-identifier <name> --duration 1440; "
        "python -m restore status",
    ),
)
APPLICATIONS = (
    Entry(
        ("deployment <name>",),
        "It doesn't exist, stands at zero with nothing that says how many replicas it should have, left `apps` in the "
        "middle of a restore, or its nodes take no pods any more (cordoned, tainted, full).",
        "What this restore has stopped must come back: it remembers replicas in annotations of the Deployment, and "
        "asks the nodes for room where it may. Who knows that an autoscaler brings nodes goes on by the waiver "
        "`preflight.room:nodes`.",
        "kubectl get nodes; kubectl -n <namespace> get deployment <name> -o yaml; "
        "pulumi config set --path 'apps[\"<name>\"].replicas' <number>",
    ),
    Entry(
        ("secret <name>", "secret <name>, key <key>"),
        "The applications' secret (or the operator's in Secrets Manager) isn't there, lacks the key, can't be changed, "
        "or holds no URL that names the source.",
        "One key of it is switched, host and port alone. A CNAME of the source is made known by secret.sourceHost.",
        "kubectl -n <namespace> describe secret <name>; pulumi config set --plaintext --path secret.key <key>, or "
        "pulumi config set --plaintext --path secret.sourceHost <host>",
    ),
    Entry(
        ("<kind> <workload>",),
        "A CronJob, Job, ScaledObject, StatefulSet or another Deployment writes as well, or brings the pods back; or a "
        "controller (External Secrets, Vault, ...) keeps the secret as it is; or something else is told the source.",
        "Stopping the applications alone would leave a writer, or the switch would not last. The problem's own fix "
        "suspends it, or has it switched along; each can be waived by its own name, which the problem prints.",
        "kubectl -n <namespace> get <kind> <workload> -o yaml; pulumi preview",
    ),
)
CHAPTER = Chapter(
    "Before anything stopped",
    "`pulumi preview` and `pulumi up` refuse with everything that is wrong at once, and nothing was touched.",
    (*CONFIGURATION, *STATE, *RECOVERY_POINTS, *OTHER_REGION, *NETWORK, *INSTANCES, *APPLICATIONS),
    (
        Entry(
            ("refused, nothing was touched",),
            "The heading over a list of problems.",
            "Bad input, or a state in which going on would do harm. Each problem of the list has its entry here.",
            "pulumi preview",
        ),
        Entry(
            ("the stack is currently locked by 1 lock(s)",),
            "Pulumi refuses to begin.",
            "An `up` runs elsewhere, or was killed. Ask first: two at once would undo each other.",
            "pulumi cancel --yes (if nobody else is at work); pulumi up",
        ),
        Entry(
            ("pending operations",),
            "Pulumi warns of them.",
            "A run was killed while it changed something. What exists is found by name and tags and adopted, and "
            "`pulumi up` goes on over them; the engine keeps a pending creation until the state is written outside of "
            "an update, which `rollback` and `close` do.",
            "pulumi up (python -m restore status says what they were)",
        ),
        Entry(
            ("belongs to stack <stack>",),
            "The candidate or the safety snapshot of this id exists, and carries another stack's tag.",
            "The stack was renamed (pulumi stack rename), or another product's stack uses the identifier. After a "
            "rename run the printed command, and move the evidence from `<evidence>/<old name>/` to "
            "`<evidence>/<new name>/`.",
            "pulumi config set id <another one> (if it is another product's); pulumi preview",
        ),
    ),
)
