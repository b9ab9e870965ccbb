"""The one front door: identity, routing, composition, live figures, partners' events."""
