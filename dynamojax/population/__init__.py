"""Populations: what stars, planets and binaries are drawn from, and the draw of one star or of many.

Every distribution is a small module with its source in its docstring, and `Prior` holds them as fields, so
that any of them can be replaced. `sampling` draws one star from its own key; many are a `vmap` of that.
"""
