// The seat's token, kept over a reload of the page.

const KEY = "samui.session"; // in sessionStorage

/**
 * Keep the token for a reload; inside a frame a browser may forbid that, which costs only the reload.
 * @param {string} token
 */
export function remember(token) {
  try {
    sessionStorage.setItem(KEY, token);
  } catch {
    // the page works all the same
  }
}

/** The token that was kept, or null. */
export function recall() {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}
