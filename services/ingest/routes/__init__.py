"""Everything but the hot routes, a file a door."""
