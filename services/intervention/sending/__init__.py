"""From the outbox to providers: lanes, budgets, breakers, letters, and what settles an incident."""
