"""The door for partners' events: read, judge, number, and make durable in one transaction."""
