"""The roster: what is live, what was seen of the ledger, what was answered. SQLite or PostgreSQL.

Every function takes the connection of the caller's transaction, so that a use-case decides what
is written together.
"""
