"""One module a kind of channel: what it sends and how it reads the provider's answer."""
