-- ListTransactions reads a tenant's in order of time and id.
CREATE INDEX transactions_time
    ON transactions (tenant_id, occurred_at_ms, transaction_id COLLATE "C");
