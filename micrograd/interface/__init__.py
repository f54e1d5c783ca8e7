"""The interface of a Value: all that makes it feel like a NumPy array.

`micrograd/__init__.py` plugs these modules into the engine, which does not know them:
methods, NumPy's protocol with the families of functions behind it, hints for error
messages, call sites, open axes, and notebook tables.
"""
