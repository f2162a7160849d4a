// What this browser keeps of images, in IndexedDB: their objects one by one, so that one more costs the same however
// many there are, and their files under a budget. A write has happened once its promise resolves.

/** @import { AtWork, Held, Record_, Source } from "../core/held.js" */

/**
 * An image without its objects and its file. order: uids of its objects; at: when it was written, ms since 1970.
 * @typedef {{content: string, name: string, source: Source | null, order: string[], work: AtWork, at: number, bytes: number}} Entry
 */

/**
 * What is new of an image since it was written last.
 * @typedef {object} Change
 * @property {Omit<Entry, "at" | "bytes">} entry
 * @property {Record_[]} changed
 * @property {string[]} gone  uids
 */
/** @typedef {ReturnType<typeof createDatabase>} Database */

const NAME = "samui";
const VERSION = 1;
const IMAGES = "images";
const OBJECTS = "objects";
const FILES = "files";
export const FILE_BYTES = 300 * 2 ** 20; // of all files together; the oldest go first

/** @param {IDBFactory | undefined} factory  missing where the browser has none */
export function createDatabase(factory) {
  /** @type {Promise<IDBDatabase> | null} */
  let opened = null;

  function open() {
    opened ??= new Promise((resolve, reject) => {
      if (!factory) return reject(new Error("this browser has no storage"));
      const request = factory.open(NAME, VERSION); // throws where storage is blocked
      request.onupgradeneeded = () => {
        request.result.createObjectStore(IMAGES, { keyPath: "content" });
        request.result.createObjectStore(OBJECTS, { keyPath: ["content", "uid"] });
        request.result.createObjectStore(FILES, { keyPath: "content" });
      };
      request.onerror = () => reject(request.error);
      request.onblocked = () => reject(new Error("another tab holds an older version of it"));
      request.onsuccess = () => {
        const database = request.result;
        database.onversionchange = () => database.close();
        database.onclose = () => (opened = null); // the browser has thrown it away
        resolve(database);
      };
    });
    opened.catch(() => (opened = null));
    return opened;
  }

  /**
   * @template T
   * @param {string[]} stores
   * @param {IDBTransactionMode} mode
   * @param {(...stores: IDBObjectStore[]) => Promise<T> | T} work  may wait for requests of its stores alone
   * @returns {Promise<T>}  of what the work gives, once it is kept
   */
  async function run(stores, mode, work) {
    const database = await open();
    const transaction = database.transaction(stores, mode);
    const done = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onerror = transaction.onabort = () => reject(transaction.error || new Error("it was broken off"));
    });
    done.catch(() => {}); // whoever waits for it hears of it below
    const result = await work(...stores.map((name) => transaction.objectStore(name)));
    await done;
    return result;
  }

  /** Entries, newest first. */
  const entries = () =>
    run([IMAGES], "readonly", async (images) => {
      const all = /** @type {Entry[]} */ (await told(images.getAll()));
      return all.sort((a, b) => b.at - a.at);
    });

  return {
    entries,
    /**
     * Keep what is new of an image.
     * @param {Change} change
     */
    write: ({ entry, changed, gone }) =>
      run([IMAGES, OBJECTS], "readwrite", async (images, objects) => {
        const { content } = entry;
        const before = /** @type {Entry | undefined} */ (await told(images.get(content)));
        for (const record of changed) objects.put({ content, uid: record.uid, record });
        for (const uid of gone) objects.delete([content, uid]);
        images.put({ ...entry, at: Date.now(), bytes: before ? before.bytes : 0 });
      }),
    /**
     * Keep the file of an image; the oldest other ones make room. False if it is larger than all may be together.
     * @param {string} content
     * @param {Blob} file
     */
    async keepFile(content, file) {
      if (file.size > FILE_BYTES) return false;
      let room = FILE_BYTES - file.size;
      const [drop, all] = [/** @type {Entry[]} */ ([]), await entries()];
      for (const entry of all) {
        if (entry.content === content || !entry.bytes) continue;
        room -= entry.bytes;
        if (room < 0) drop.push(entry);
      }
      await run([IMAGES, FILES], "readwrite", async (images, files) => {
        for (const entry of drop) {
          files.delete(entry.content);
          images.put({ ...entry, bytes: 0 });
        }
        files.put({ content, file });
        const entry = await told(images.get(content));
        if (entry) images.put({ ...entry, bytes: file.size });
      });
      return true;
    },
    /**
     * What is kept of an image, or null.
     * @param {string} content
     * @returns {Promise<Held | null>}
     */
    read: (content) =>
      run([IMAGES, OBJECTS, FILES], "readonly", async (images, objects, files) => {
        const range = IDBKeyRange.bound([content], [content, []]);
        const [entry, rows, kept] = await Promise.all([
          told(images.get(content)), told(objects.getAll(range)), told(files.get(content)),
        ]);
        if (!entry) return null;
        const { name, work, order } = /** @type {Entry} */ (entry);
        const whole = /** @type {{record: Record_}[]} */ (rows);
        const records = new Map(whole.map(({ record }) => [record.uid, record]));
        const known = order.filter((uid) => records.has(uid));
        const more = [...records.keys()].filter((uid) => !order.includes(uid)); // of another tab
        return {
          content,
          name,
          work,
          source: kept ? { file: kept.file, name } : entry.source,
          objects: [...known, ...more].map((uid) => /** @type {Record_} */ (records.get(uid))),
          newer: [],
          gone: [],
        };
      }),
    /**
     * Forget an image.
     * @param {string} content
     */
    forget: (content) =>
      run([IMAGES, OBJECTS, FILES], "readwrite", (images, objects, files) => {
        images.delete(content);
        files.delete(content);
        objects.delete(IDBKeyRange.bound([content], [content, []]));
      }),
  };
}

/**
 * @param {IDBRequest} request
 * @returns {Promise<any>}
 */
function told(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
