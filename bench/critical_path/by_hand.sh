# The procedure by hand: every command that a person types, in its order, as the procedure has it.
#
#   at <phase>        what begins; the bench takes the time there
#   # decides: ...    what a person has to decide before the next command
#   # changed: ...    what had to change for the command to work, or to do what it is there for
#
# Method: point-in-time recovery. Cutover by connection string first (option B), then by rename (option A), each timed;
# reading and typing take no time. The bench sets AWS_REGION, the names of the sandbox, and RESTORE_TARGET_TIME.
set -euo pipefail

at "stop the applications"
kubectl scale deployment api-gateway --replicas=0 -n $NAMESPACE
kubectl scale deployment indexer --replicas=0 -n $NAMESPACE
kubectl scale deployment rpc-orchestrator --replicas=0 -n $NAMESPACE
# changed: `kubectl get pods` once shows pods that still terminate and write; it is asked until none is left
# decides: no pod of the three is left
kubectl wait --for=delete pod -l 'app in (api-gateway, indexer, rpc-orchestrator)' --timeout=120s -n $NAMESPACE

at "snapshot of the present state"
BACKUP_SNAPSHOT="$DB_IDENTIFIER-pre-restore-$(date +%Y%m%d-%H%M%S)"
aws rds create-db-snapshot --db-instance-identifier $DB_IDENTIFIER --db-snapshot-identifier $BACKUP_SNAPSHOT --region $AWS_REGION
# changed: the waiter gives up after its 40 attempts; it is started again
until aws rds wait db-snapshot-completed --db-snapshot-identifier $BACKUP_SNAPSHOT --region $AWS_REGION; do :; done

at "restore"
# decides: the method (point-in-time recovery: the time is known)
# decides: the time, and whether it lies in the window
# changed: DBInstance has no EarliestRestorableTime; the automated backup's RestoreWindow has both ends
aws rds describe-db-instances --db-instance-identifier $DB_IDENTIFIER --region $AWS_REGION --query 'DBInstances[0].[BackupRetentionPeriod,LatestRestorableTime]'
aws rds describe-db-instance-automated-backups --db-instance-identifier $DB_IDENTIFIER --region $AWS_REGION --query 'DBInstanceAutomatedBackups[0].RestoreWindow'
RESTORE_DB_IDENTIFIER="${DB_IDENTIFIER}-pitr-$(date +%Y%m%d-%H%M%S)"
# decides: class, subnet group and security groups of the new instance
# changed: the class is the source's and the security group a real one; all else that isn't named (parameter group,
# changed: Multi-AZ, log exports, deletion protection, retention, ...) is left to RDS's defaults, as the procedure does
aws rds restore-db-instance-to-point-in-time --source-db-instance-identifier $DB_IDENTIFIER --target-db-instance-identifier $RESTORE_DB_IDENTIFIER --restore-time $RESTORE_TARGET_TIME --db-instance-class $DB_CLASS --db-subnet-group-name $SUBNET_GROUP --vpc-security-group-ids $SECURITY_GROUP --no-publicly-accessible --enable-iam-database-authentication --region $AWS_REGION
# changed: the waiter gives up after 60 attempts (30 minutes); it is started again
until aws rds wait db-instance-available --db-instance-identifier $RESTORE_DB_IDENTIFIER --region $AWS_REGION; do :; done

at "validation"
RESTORE_DB_ENDPOINT=$(aws rds describe-db-instances --db-instance-identifier $RESTORE_DB_IDENTIFIER --region $AWS_REGION --query 'DBInstances[0].Endpoint.Address' --output text)
# changed: DB_PASSWORD is set in the method for dumps alone; with this one it would be empty
DB_PASSWORD=$(aws secretsmanager get-secret-value --secret-id $MASTER_SECRET --query SecretString --output text)
# changed: the tables are in the application's database, not in postgres
PGPASSWORD=$DB_PASSWORD psql -h $RESTORE_DB_ENDPOINT -U $MASTER_USER -d $DATABASE -c "SELECT version();"
# changed: ON_ERROR_STOP, for psql ends with 0 whatever fails; the record that is looked at is one that exists
PGPASSWORD=$DB_PASSWORD psql -v ON_ERROR_STOP=1 -h $RESTORE_DB_ENDPOINT -U $MASTER_USER -d $DATABASE <<SQL
SELECT COUNT(*) FROM users; SELECT COUNT(*) FROM transactions; SELECT COUNT(*) FROM smart_contracts;
SELECT id, email, created_at, updated_at FROM users WHERE id = '$KNOWN_USER';
SELECT MAX(created_at) AS latest_transaction FROM transactions;
SELECT * FROM "_prisma_migrations" ORDER BY finished_at DESC LIMIT 5;
SQL
at "first validated byte"
# decides: the counts are as expected
# decides: the known records are right
# decides: the newest row is from before the incident
# decides: the schema is as expected
# decides: no obvious corruption
# changed: no terminal is attached (--rm -it): the pod's end is awaited, its log read, the pod deleted; the database is
# changed: the application's; the password stands in the pod's specification, as it does in the procedure
kubectl run db-test --restart=Never --image=postgres:14 -n $NAMESPACE --env="PGHOST=$RESTORE_DB_ENDPOINT" --env="PGUSER=$MASTER_USER" --env="PGPASSWORD=$DB_PASSWORD" --env="PGDATABASE=$DATABASE" --command -- psql -c "SELECT COUNT(*) FROM users;"
kubectl wait --for=jsonpath='{.status.phase}'=Succeeded pod/db-test --timeout=120s -n $NAMESPACE
kubectl logs db-test -n $NAMESPACE
kubectl delete pod db-test -n $NAMESPACE
# changed: the smoke test in staging is left out: it takes no less time, and the sandbox has no second environment

at "cutover by connection string"
# decides: cutover by connection string or by rename
# changed: the application keeps its own login, database and parameters, and the Secret its other keys; the procedure
# changed: gives it the master user, without a password, and drops the other keys
NEW_URL=$(kubectl get secret $SECRET_NAME -n $NAMESPACE -o jsonpath='{.data.DATABASE_URL}' | base64 -d | sed "s/@[^:@]*:/@$RESTORE_DB_ENDPOINT:/")
kubectl patch secret $SECRET_NAME -n $NAMESPACE -p "{\"data\":{\"DATABASE_URL\":\"$(printf %s "$NEW_URL" | base64 -w0)\"}}"
# decides: how many replicas each had
# changed: `rollout restart` of a Deployment at zero replicas starts nothing; they are scaled up
kubectl scale deployment api-gateway --replicas=3 -n $NAMESPACE
kubectl scale deployment indexer --replicas=2 -n $NAMESPACE
kubectl scale deployment rpc-orchestrator --replicas=2 -n $NAMESPACE
# changed: all three are waited for, not one
kubectl rollout status deployment/api-gateway -n $NAMESPACE
kubectl rollout status deployment/indexer -n $NAMESPACE
kubectl rollout status deployment/rpc-orchestrator -n $NAMESPACE
kubectl logs -n $NAMESPACE -l app=api-gateway --tail=100 > /dev/null
PGPASSWORD=$DB_PASSWORD psql -h $RESTORE_DB_ENDPOINT -U $MASTER_USER -d $DATABASE -c "SELECT COUNT(*) FROM pg_stat_activity WHERE state = 'active';"

at "undo of it, not counted"
kubectl scale deployment api-gateway indexer rpc-orchestrator --replicas=0 -n $NAMESPACE
kubectl wait --for=delete pod -l 'app in (api-gateway, indexer, rpc-orchestrator)' --timeout=120s -n $NAMESPACE
OLD_HOST=$(aws rds describe-db-instances --db-instance-identifier $DB_IDENTIFIER --region $AWS_REGION --query 'DBInstances[0].Endpoint.Address' --output text)
OLD_URL=$(printf %s "$NEW_URL" | sed "s/@[^:@]*:/@$OLD_HOST:/")
kubectl patch secret $SECRET_NAME -n $NAMESPACE -p "{\"data\":{\"DATABASE_URL\":\"$(printf %s "$OLD_URL" | base64 -w0)\"}}"

at "cutover by rename"
# decides: cutover by connection string or by rename
OLD_IDENTIFIER="${DB_IDENTIFIER}-old-$(date +%Y%m%d)"
aws rds modify-db-instance --db-instance-identifier $DB_IDENTIFIER --new-db-instance-identifier $OLD_IDENTIFIER --apply-immediately --region $AWS_REGION
# changed: the waiter fails while the new name doesn't exist yet; it is started again until it does
until aws rds wait db-instance-available --db-instance-identifier $OLD_IDENTIFIER --region $AWS_REGION 2>/dev/null; do sleep 1; done
aws rds modify-db-instance --db-instance-identifier $RESTORE_DB_IDENTIFIER --new-db-instance-identifier $DB_IDENTIFIER --apply-immediately --region $AWS_REGION
until aws rds wait db-instance-available --db-instance-identifier $DB_IDENTIFIER --region $AWS_REGION 2>/dev/null; do sleep 1; done
# decides: how many replicas each had
kubectl scale deployment api-gateway --replicas=3 -n $NAMESPACE
kubectl scale deployment indexer --replicas=2 -n $NAMESPACE
kubectl scale deployment rpc-orchestrator --replicas=2 -n $NAMESPACE
# changed: the procedure waits for no rollout here
kubectl rollout status deployment/api-gateway -n $NAMESPACE
kubectl rollout status deployment/indexer -n $NAMESPACE
kubectl rollout status deployment/rpc-orchestrator -n $NAMESPACE
kubectl logs -n $NAMESPACE -l app=api-gateway --tail=100 > /dev/null
# changed: after the rename the endpoint is the production one
PGPASSWORD=$DB_PASSWORD psql -h $OLD_HOST -U $MASTER_USER -d $DATABASE -c "SELECT COUNT(*) FROM pg_stat_activity WHERE state = 'active';"
at "end"
