"""Back-propagation through time: tape, sweep, stack of adjoints, and what is observed of them."""
