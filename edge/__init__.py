"""The edge: owns the visitors' sockets, accepts into the log, carries verdicts and help back."""
