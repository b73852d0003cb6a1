"""Scripts that made the committed map data and icons; not needed at run time."""
