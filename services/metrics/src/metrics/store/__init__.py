"""The tables of the engine: journal, facts, cells and ledger, read and written set by set."""
