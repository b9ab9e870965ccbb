"""Questions to KPIs and their answers: from cells for one dimension, else from facts."""
