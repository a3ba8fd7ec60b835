"""Stand-ins for the AWS and Kubernetes provider plugins: test doubles for the types this program declares."""
