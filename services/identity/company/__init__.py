"""Which company an e-mail address or a web address speaks for, and why."""
