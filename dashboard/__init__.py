"""The browser and the HTTP API."""
