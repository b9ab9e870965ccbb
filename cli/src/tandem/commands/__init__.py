"""The commands, one module each; `tandem.main` puts them together."""
