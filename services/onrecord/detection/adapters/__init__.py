"""What detection reaches outside with: decoders, models, warping."""
