"""Sources: what turns something else into our events."""
