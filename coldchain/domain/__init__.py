"""Values and arithmetic of the cold chain: integers inside, units in names, standard library and numpy only."""
