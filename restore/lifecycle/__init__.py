"""How a restore ends: what may leave the state and what must stay. Pure."""
