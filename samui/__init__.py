"""samui: cut objects out of images with SAM, in the browser, on the command line and from Python."""
