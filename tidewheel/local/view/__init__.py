"""The live terminal view: a picture of the system as values, drawn to fit the terminal."""
