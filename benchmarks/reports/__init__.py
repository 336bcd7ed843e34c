"""What a report costs on a large tenant, and a scorecard beside an empty call."""
