"""Reading and writing the ops database; only what the actor may see comes out."""
