"""The same mistakes written for ppacer and for its peers: whether they tell, when, and with which words."""
