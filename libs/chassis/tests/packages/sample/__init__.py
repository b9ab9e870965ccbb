"""A small service for the chassis' own tests: notes, with everything that a real service uses."""
