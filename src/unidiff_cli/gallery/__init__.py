"""A folder of pictures as one HTML page that needs nothing else. No model is loaded."""
