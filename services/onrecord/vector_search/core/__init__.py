"""What the plane decides, without a database, an index or a key in sight."""
