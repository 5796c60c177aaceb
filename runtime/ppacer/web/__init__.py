"""What a running program serves: the executors' protocol, the JSON API and the page."""
