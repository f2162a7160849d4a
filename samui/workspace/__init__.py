"""What must outlast a seat: the objects of images, and the operations that change them."""
