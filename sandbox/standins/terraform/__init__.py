"""A stand-in for Terraform's AWS provider, with aws_db_instance alone: Terraform itself is the machine's."""
