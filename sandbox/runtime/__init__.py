"""The sandbox as running processes: started, supervised, stopped; what it shows and what it exports."""
