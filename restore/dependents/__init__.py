"""What else knows the source, what a switch does to it, and what is to be done. Pure: adapters read and change."""
