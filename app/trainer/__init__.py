"""A process that trains one run and tells of it to the one that looks and records.

It is hired by `app.runs.apart`, and loads little: it has no store, no lease and no server. What it
needs comes with its order, what it finds goes back, and it ends with whoever gave the order: the
end of their connection ends it.
"""
