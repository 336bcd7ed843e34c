"""What our SDK costs the page that it runs in."""
