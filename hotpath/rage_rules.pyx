"""The numbers of the rage rules; they stand in rage_rules.pxd."""
