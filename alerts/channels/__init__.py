"""How a message leaves: one adapter per channel behind one small port."""
