"""Keys of partners: issued by an administrator, kept as hashes, read from memory."""
