"""Milvus and key files."""
