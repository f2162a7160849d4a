"""What must outlast a seat: objects of images, every version of them, and the operations that changed them, on disk.

`open_workspace(folder)` gives a `Workspace` (folder.py), `Library(place)` (library.py) keeps single images by their
content; both are a `Store` (store.py) with `.images` (images.py), `.labels` (labels.py) and `.history` (history.py),
and tell in frozen rows (rows.py). `MemoryStore` keeps nothing beyond the process.
"""
