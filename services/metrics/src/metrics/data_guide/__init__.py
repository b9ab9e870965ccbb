"""The guide docs/guides/data.md: the events that each KPI needs, made from the declarations."""
