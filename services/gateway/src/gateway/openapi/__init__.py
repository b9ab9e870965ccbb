"""One description of the whole front door, made from the services' own."""
