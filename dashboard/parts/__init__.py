"""Pieces that pages are put together from: words, states, the shell, permissions."""
