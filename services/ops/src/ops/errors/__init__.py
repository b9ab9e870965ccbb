"""What ops refuses, each named by its condition, with a hint on how to mend it."""
