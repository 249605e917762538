"""The embedding service: from an aligned face to a template, signed."""
