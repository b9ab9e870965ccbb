"""Other systems that do the same work, run here: built by `make bench` alone, never in CI."""
