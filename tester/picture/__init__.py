"""The diagram as a picture file: our stylesheets, applied in Python."""

from tester.picture.standalone import StandalonePicture, standalone

__all__ = ["StandalonePicture", "standalone"]
