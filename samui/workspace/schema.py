"""The tables of a store, as numbered migrations: `PRAGMA user_version` counts those that a file has seen.

Objects are kept as versions. One that holds has `ended` NULL; an operation that changes or deletes an object ends its
version and, for a change, makes the next one. So nothing is ever removed, and the objects of any moment are those with
`made <= seq < ended`. A version that came too late has `made = ended`: it never held.
"""

from __future__ import annotations

FIRST = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID",
    """CREATE TABLE image (
        id INTEGER PRIMARY KEY,
        uid BLOB NOT NULL UNIQUE,
        path UNIQUE,            -- relative to the folder, with "/"; bytes where it is no Unicode; NULL in a library
        name NOT NULL,          -- in a library: what it was called when it was opened last
        digest BLOB,            -- SHA-256 of the file, once it was needed
        bytes INTEGER,
        mtime INTEGER,          -- nanoseconds
        height INTEGER,
        width INTEGER,
        state TEXT NOT NULL DEFAULT 'todo' CHECK (state IN ('todo', 'progress', 'done', 'skipped')),
        revision INTEGER NOT NULL DEFAULT 0,
        objects INTEGER NOT NULL DEFAULT 0,
        missing INTEGER NOT NULL DEFAULT 0,
        opened REAL,            -- seconds since 1970
        note TEXT NOT NULL DEFAULT ''
    )""",
    "CREATE INDEX image_digest ON image (digest) WHERE digest IS NOT NULL",
    "CREATE INDEX image_opened ON image (opened) WHERE opened IS NOT NULL",
    "CREATE INDEX image_state ON image (missing, state, path)",
    """CREATE TABLE label (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        colour TEXT NOT NULL,
        key TEXT NOT NULL DEFAULT '',
        place INTEGER NOT NULL,              -- in the list; ids of exports follow it
        merged INTEGER REFERENCES label (id) -- that its objects count for; never one that is merged itself
    )""",
    "CREATE UNIQUE INDEX label_name ON label (name) WHERE merged IS NULL",
    """CREATE TABLE op (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id BLOB NOT NULL UNIQUE,
        image INTEGER REFERENCES image (id), -- NULL: of all images, as renaming a label
        revision INTEGER,                    -- of the image
        action TEXT NOT NULL,
        at REAL NOT NULL,                    -- seconds since 1970
        author TEXT NOT NULL DEFAULT '',
        body TEXT                            -- JSON: what undoing it needs
    )""",
    "CREATE UNIQUE INDEX op_image ON op (image, revision) WHERE image IS NOT NULL",
    """CREATE TABLE mask (
        sha BLOB PRIMARY KEY,   -- of size and counts
        height INTEGER NOT NULL,
        width INTEGER NOT NULL,
        counts TEXT NOT NULL    -- COCO's compressed run lengths
    )""",
    """CREATE TABLE object (
        id INTEGER PRIMARY KEY,
        uid BLOB NOT NULL,
        image INTEGER NOT NULL REFERENCES image (id),
        made INTEGER NOT NULL REFERENCES op (seq),
        ended INTEGER REFERENCES op (seq),
        number INTEGER NOT NULL,
        z REAL NOT NULL,        -- drawn in this order
        label INTEGER REFERENCES label (id),
        colour TEXT NOT NULL,
        visible INTEGER NOT NULL,
        area INTEGER NOT NULL,
        score REAL NOT NULL,
        model TEXT NOT NULL,
        candidate INTEGER NOT NULL,
        snapped INTEGER NOT NULL,
        mask BLOB NOT NULL REFERENCES mask (sha),
        gestures TEXT NOT NULL  -- JSON
    )""",
    "CREATE UNIQUE INDEX object_held ON object (image, uid) WHERE ended IS NULL",
    "CREATE INDEX object_label ON object (label, image) WHERE ended IS NULL",
    "CREATE INDEX object_made ON object (made)",
    "CREATE INDEX object_ended ON object (ended) WHERE ended IS NOT NULL",
)

MIGRATIONS = (FIRST,)
