"""The gateway's arithmetic: states, draws, documents and views. No framework, no I/O."""
