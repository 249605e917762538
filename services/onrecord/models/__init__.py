"""`onrecord models`: makes `model_repository/` entries from weights that are checked first."""
