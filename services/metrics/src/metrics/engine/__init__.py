"""The KPI engine, pure: facts speak in moments, moments add to cells, KPIs read sums of cells."""
