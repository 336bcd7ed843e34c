"""Identity: who a session is, which company, what they are worth; and the tenants themselves."""
