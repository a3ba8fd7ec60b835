"""What exists now in RDS, S3 and the cluster, read before anything is declared."""
