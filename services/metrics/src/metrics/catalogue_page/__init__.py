"""The page docs/catalogue.md: what every KPI is, made from the declarations."""
