"""Measurements of the whole product on one machine, as ratios in one run."""
