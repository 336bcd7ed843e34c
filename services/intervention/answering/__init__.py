"""What people do with it: the page shows it, the team looks, acts, acknowledges, unsubscribes."""
