"""A local AWS, Kubernetes cluster and Pulumi engine that prove the program end to end; not part of the product."""
