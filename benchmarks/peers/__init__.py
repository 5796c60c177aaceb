"""The same dags on ppacer and on its peers, each from its ordinary public package."""
