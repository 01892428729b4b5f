"""The live terminal view: a frame of the system as values, drawn to fit the terminal."""
