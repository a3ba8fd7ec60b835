"""What RDS does after it has answered: steps of instances, and the threads that run them."""
