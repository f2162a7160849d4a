// The session's token, kept over a reload of the page.

const TOKEN = "samui.session"; // key in sessionStorage

/** Keep the session's token for a reload; inside a frame a browser may forbid that, which costs only the reload. */
export function remember(token) {
  try {
    sessionStorage.setItem(TOKEN, token);
  } catch {
    // the page works all the same
  }
}

/** The token that was kept, or null. */
export function recall() {
  try {
    return sessionStorage.getItem(TOKEN);
  } catch {
    return null;
  }
}
