"""The suites of the stores on PostgreSQL, and what only several processes can show."""
