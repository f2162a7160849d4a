"""Pictures and masks as arrays: reading, run lengths, geometry, colours, snapping. numpy and OpenCV, no torch."""
