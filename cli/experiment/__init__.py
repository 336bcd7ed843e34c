"""`sentientiq experiment`: check a document, plan, report, simulate."""
