"""Gradtide as a service: runs, their store, figures, pages, and the command line."""
