"""Values, words and errors that everything else is made of. Imports nothing from outside."""
