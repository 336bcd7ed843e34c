"""What GetScorecard costs over a full ledger, beside an empty call."""
