"""vpengine: a real-time virtual production engine. DESIGN and the data flow are in docs/design.md."""

__version__ = "0.1.0"
