"""How OnRecord is put on machines."""
