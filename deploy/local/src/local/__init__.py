"""The whole of Tandem on one machine: PostgreSQL, Kafka and the services as child processes."""
