"""What counterparties tell, on its way into SQL: spooled without it, written in batches, made anew from the journal."""
