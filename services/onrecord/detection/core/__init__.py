"""The arithmetic of detection: file headers, faces, alignment, quality. No framework, no I/O."""
