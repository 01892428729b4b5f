"""Live venues: what each says on the wire, and how a connection to one is kept.

Only `client.py`, `opening.py` and `ig_login.py` touch a network.
"""
