"""What devices say: carriers, device profiles, faults, the simulated fleet and recordings."""
