"""Files that loggers and their programs export: bytes in, what they say out."""
