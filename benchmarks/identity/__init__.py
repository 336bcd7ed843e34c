"""What Resolve costs, beside an empty call, with few and with many identities."""
