"""The HTTP API: one module per noun, each a table of routes with the permission that it demands."""
