"""Detection: decodes an image safely, finds its one face, measures its quality, aligns it."""
