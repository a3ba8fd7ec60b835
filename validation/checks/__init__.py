"""Checks by subject: each module turns catalog and expectations into checks, without asking anything."""
