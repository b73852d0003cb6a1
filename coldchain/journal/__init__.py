"""The system of record: messages and readings under one growing offset, committed before anything is acknowledged."""
