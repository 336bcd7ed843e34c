"""What happens in visits. A scene takes the actor where it plays and plays it."""
