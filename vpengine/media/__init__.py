"""Moving pictures, read: containers decoded, image sequences found, clips played ahead of where they are shown."""
