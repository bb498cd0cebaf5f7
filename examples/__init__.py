"""The demo enterprise: a folder like any customer's, and the generator of what its systems deliver."""
