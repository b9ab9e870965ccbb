"""KPI answers from memory, kept current by the log, and pushed when they change."""
