"""Detection: a deterministic fold over the partitions of behavior.v1 that this process leases."""
