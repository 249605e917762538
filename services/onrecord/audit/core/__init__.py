"""What audit decides, as pure functions of values: no database, no clock, no network."""
