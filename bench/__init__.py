"""Speed and memory, measured side by side in one run and given as ratios, because machines differ."""
