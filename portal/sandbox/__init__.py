"""A ConnectWise PSA over real HTTP, for development, the demo and tests.

It is written from the same reference as the portal's client and shares nothing with it, so that each
checks the other. Nothing in here imports another part of the portal.
"""
