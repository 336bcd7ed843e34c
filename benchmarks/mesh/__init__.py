"""The latency harness: the whole mesh under an open-loop load of many live sessions."""
