"""The live view: what is true now, and how it reaches every open browser."""
