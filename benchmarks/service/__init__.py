"""What detection takes in as a service: over gRPC, with a real log and state store beside it."""
