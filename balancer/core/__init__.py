"""The controller: pure, deterministic, standard library only."""
